// SPDX-License-Identifier: Apache-2.0
// Phenaki's video transformer (Villegas et al., arXiv 2210.02399) as published in lucidrains/phenaki-pytorch, and its
// layers as modules of their own.
#include <array>
#include <numeric>
#include <optional>

#include "base/error.hpp"
#include "modules/phenaki_layers.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr int64_t maxChannels = 1 << 16;

constexpr Key dimKey = Key::integer("dim", 1, maxChannels, "channels of x");
constexpr Key dimContextKey =
    Key::integer("dim_context", 1, maxChannels, "channels of context; absent: dim").optional();
constexpr Key dimHeadKey = Key::integer("dim_head", 1, 256, "channels of a head").orElse(64);
constexpr Key headsKey = Key::integer("heads", 1, 1024, "attention heads").orElse(8);
constexpr Key causalKey = Key::boolean("causal", "no key after the query's position, and ALiBi").orElse(false);
constexpr const char* inferenceMeaning = "identity at inference";
constexpr Key videoShapeKey =
    Key::integers("video_shape", {4, 4}, 1, 1 << 20,
                  "videos, frames, height, width that the tokens are in their order in memory, for peg")
        .optional();
constexpr Key pegShapeKey =
    Key::integers("shape", {4, 4}, 1, 1 << 20,
                  "videos, frames, height, width that x of rank 3 is in its order in memory, whatever its own batch")
        .optional();

constexpr Key attentionConfig[] = {
    dimKey,
    dimContextKey,
    dimHeadKey,
    headsKey,
    causalKey,
    Key::integer("num_null_kv", 0, 4096, "learnt keys and values before the sequence's own").orElse(0),
    Key::boolean("norm_context", "context is normalised first").orElse(true),
    Key::number("scale", -1e6, 1e6, "factor of the scores").orElse(8),
    Key::number("dropout", 0, 1, inferenceMeaning).orElse(0),
};
constexpr Key feedForwardConfig[] = {
    dimKey,
    Key::number("mult", 0.1, 64, "the hidden layer has 2 / 3 * mult * dim channels, rounded down").orElse(4),
    Key::number("dropout", 0, 1, inferenceMeaning).orElse(0),
};
constexpr Key pegConfig[] = {
    dimKey,
    Key::boolean("causal", "a frame sees itself and the two before, instead of its neighbours").orElse(false),
    pegShapeKey,
};
constexpr Key pegOptions[] = {pegShapeKey};
constexpr Key transformerConfig[] = {
    dimKey,
    Key::integer("depth", 0, 1024, "layers"),
    dimContextKey,
    dimHeadKey,
    headsKey,
    causalKey,
    Key::integer("attn_num_null_kv", 0, 4096, "learnt keys and values of cross attention").orElse(2),
    Key::boolean("has_cross_attn", "layers attend to context, too").orElse(false),
    Key::boolean("peg", "layers begin with a position generator").orElse(false),
    Key::boolean("peg_causal", "its frames see themselves and the two before").orElse(false),
    Key::number("ff_mult", 0.1, 64, "mult of the feed forward layers").orElse(4),
    Key::number("attn_dropout", 0, 1, inferenceMeaning).orElse(0),
    Key::number("ff_dropout", 0, 1, inferenceMeaning).orElse(0),
    videoShapeKey,
};
constexpr Key transformerOptions[] = {videoShapeKey};

constexpr const char* maskMeaning = "true: the key counts";
constexpr const char* biasMeaning = "added to the scores; broadcasts to (b, heads, n, m) as in PyTorch";
constexpr TensorDescription attentionInputs[] = {
    {"x", Presence::required, floatTypes, "(b, n, dim)", "sequence that asks"},
    {"context", Presence::optional, floatTypes, "(b, m, dim_context)",
     "sequence that is attended to; absent: x itself, where dim_context is dim"},
    {"mask", Presence::optional, {DataType::boolean}, "(b, m) | (1, m)", maskMeaning},
    {"attn_bias", Presence::optional, floatTypes,
     "(n, m) | (1, n, m) | (heads, 1, m) | (heads, n, m) | (b, 1, n, m) | (b, heads, n, m)", biasMeaning},
};
constexpr TensorDescription feedForwardInputs[] = {{"x", Presence::required, floatTypes, "(b, n, dim)", "sequence"}};
constexpr TensorDescription pegInputs[] = {
    {"x", Presence::required, floatTypes, "(b, f, h, w, dim) | (b, n, dim)", "video, or its tokens with shape"}};
constexpr TensorDescription transformerInputs[] = {
    {"x", Presence::required, floatTypes, "(b, n, dim)", "sequence"},
    {"context", Presence::optional, floatTypes, "(b, m, dim_context)",
     "what layers with has_cross_attn attend to, too; without, it is ignored with a warning"},
    {"self_attn_mask", Presence::optional, {DataType::boolean}, "(b, n) | (1, n)", "true: the token counts"},
    {"cross_attn_context_mask", Presence::optional, {DataType::boolean}, "(b, m) | (1, m)", maskMeaning},
    {"attn_bias", Presence::optional, floatTypes,
     "(n, n) | (1, n, n) | (heads, 1, n) | (heads, n, n) | (b, 1, n, n) | (b, heads, n, n)",
     "added to the scores of self attention; broadcasts to (b, heads, n, n) as in PyTorch"},
};
constexpr TensorDescription sequenceOutputs[] = {{"y", Presence::required, floatTypes, "(b, n, dim)", "sequence"}};
constexpr TensorDescription pegOutputs[] = {
    {"y", Presence::required, floatTypes, "(b, f, h, w, dim) | (b, n, dim)", "positions, to be added to x"}};
constexpr const char* pegShapeLimits[] = {
    "With x of rank 3, shape is given as an option or in the configuration; its product is b * n."};
constexpr const char* pegLimits[] = {"With peg, video_shape is given as an option or in the configuration; its product "
                                     "is b * n, so that C-ViViT's tokens "
                                     "(b t) (h w) and (b h w) t have the video_shape (b, t, h, w)."};

// The video that an option, or else the configuration, says the tokens are. Sets the plan's batch to the entries that
// hold whole sequences and whole videos.
PegVideo readVideo(PlanBuilder& plan, std::string_view key, const Config::Integers& configured, const Sequence& x) {
    Config::Integers shape = configured;
    if (plan.options().has(key))
        shape = plan.options().integers(key);
    if (shape.empty())
        throw Error(SAC_ERROR_INVALID_CONFIG,
                    "info->options has no \"%.*s\", which says how the tokens lie in videos, and neither has the "
                    "configuration",
                    clip(key), key.data());
    uint64_t tokens = 1;
    for (const int64_t size : shape)
        tokens *= std::min(static_cast<uint64_t>(size), (uint64_t{1} << 63) / tokens);
    if (tokens != uint64_t{x.batch} * x.tokens)
        throw Error(SAC_ERROR_INVALID_CONFIG,
                    "\"%.*s\": %lld videos of %lld frames of %lld x %lld are not the %u x %u tokens of input \"x\"",
                    clip(key), key.data(), wide(shape[0]), wide(shape[1]), wide(shape[2]), wide(shape[3]), x.batch,
                    x.tokens);
    PegVideo video;
    video.batch = static_cast<uint32_t>(shape[0]);
    for (size_t axis = 0; axis < 3; ++axis)
        video.size[axis] = static_cast<uint32_t>(shape[axis + 1]);
    plan.setBatch(std::gcd(x.batch, video.batch));
    return video;
}

// Input "name" (batch, tokens, width); a batch of 0 sets the plan's.
Sequence inputSequence(PlanBuilder& plan, std::string_view name, uint32_t width, uint32_t batch,
                       const char* widthRule) {
    const Shape shape = plan.inputShape(name, 3);
    plan.expectDimension(name, 2, width, widthRule);
    if (batch)
        plan.expectDimension(name, 0, batch, "the batch of \"x\"");
    else
        plan.setBatch(shape[0]);
    return {plan.inputTokens(name, ChannelAxis::last), static_cast<uint32_t>(shape[0]), static_cast<uint32_t>(shape[1]),
            width};
}

// Optional input "attn_bias".
PhenakiBias inputBias(PlanBuilder& plan, uint32_t heads, const Sequence& queries, const Sequence& keys) {
    if (!plan.hasInput("attn_bias"))
        return {};
    const auto strides = plan.broadcastStrides("attn_bias", {queries.batch, heads, queries.tokens, keys.tokens});
    return {plan.inputFloats("attn_bias"), strides};
}

PhenakiArguments readAttention(Config& config) {
    PhenakiArguments a;
    a.dim = config.uint32("dim");
    a.dimContext = static_cast<uint32_t>(config.optionalInteger("dim_context").value_or(a.dim));
    a.dimHead = config.uint32("dim_head");
    a.heads = config.uint32("heads");
    a.causal = config.boolean("causal");
    return a;
}

class PhenakiAttention final : public Module {
public:
    explicit PhenakiAttention(const ModuleSource& source)
        : a_(arguments(source.config)), layer_(source.weights, "", a_) {}

    void build(PlanBuilder& plan) const override {
        const Sequence x = inputSequence(plan, "x", a_.dim, 0, "config \"dim\"");
        std::optional<Sequence> context;
        if (plan.hasInput("context"))
            context = inputSequence(plan, "context", a_.dimContext, x.batch, "config \"dim_context\"");
        else if (a_.dimContext != a_.dim)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->inputs has no \"context\", which config \"dim_context\": %u (\"dim\": %u) calls for",
                        a_.dimContext, a_.dim);
        const Sequence& keys = context ? *context : x;
        PhenakiInputs inputs;
        inputs.mask = plan.inputKeyMask("mask", keys.batch, keys.tokens);
        inputs.bias = inputBias(plan, a_.heads, x, keys);
        const OutputTarget y = plan.beginOutput("y", {x.batch, x.tokens, a_.dim}, ChannelAxis::last, false);
        layer_.apply(plan, x, context ? &*context : nullptr, inputs, y.tensor, noTensor);
        plan.endOutput(y);
    }

private:
    static PhenakiArguments arguments(Config& config) {
        PhenakiArguments a = readAttention(config);
        a.nullKeys = config.uint32("num_null_kv");
        a.normContext = config.boolean("norm_context");
        a.scale = static_cast<float>(config.number("scale"));
        config.number("dropout");
        return a;
    }

    PhenakiArguments a_;
    PhenakiAttentionLayer layer_;
};

class PhenakiFeedForward final : public Module {
public:
    explicit PhenakiFeedForward(const ModuleSource& source)
        : dim_(source.config.uint32("dim")), layer_(source.weights, "", dim_, source.config.number("mult")) {
        source.config.number("dropout");
    }

    void build(PlanBuilder& plan) const override {
        const Sequence x = inputSequence(plan, "x", dim_, 0, "config \"dim\"");
        const OutputTarget y = plan.beginOutput("y", {x.batch, x.tokens, dim_}, ChannelAxis::last, false);
        layer_.apply(plan, x, y.tensor, noTensor);
        plan.endOutput(y);
    }

private:
    uint32_t dim_;
    PhenakiFeedForwardLayer layer_;
};

class Peg final : public Module {
public:
    explicit Peg(const ModuleSource& source)
        : dim_(source.config.uint32("dim")), layer_(source.weights, "", dim_, source.config.boolean("causal")),
          shape_(source.config.integers("shape")) {}

    // x is (b, frames, height, width, dim), or (b, tokens, dim) with "shape".
    void build(PlanBuilder& plan) const override {
        const Shape shape = plan.inputShape("x", 0);
        if (shape.size() != 3 && shape.size() != 5)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "input \"x\" has rank %zu, the module wants 5 (b, frames, height, width, dim), or 3 "
                        "(b, tokens, dim) with \"shape\"",
                        shape.size());
        plan.expectDimension("x", static_cast<uint32_t>(shape.size() - 1), dim_, "config \"dim\"");
        plan.setBatch(shape[0]);
        const uint64_t tokens = elementCount(shape) / (shape[0] * dim_);
        const Sequence x{plan.inputTokens("x", ChannelAxis::last), plan.batch(), static_cast<uint32_t>(tokens), dim_};
        PegVideo video;
        if (shape.size() == 3) {
            video = readVideo(plan, "shape", shape_, x);
        } else {
            video.batch = x.batch;
            for (size_t axis = 0; axis < 3; ++axis)
                video.size[axis] = static_cast<uint32_t>(shape[axis + 1]);
            if (plan.options().has("shape"))
                plan.warnings().add("option \"shape\" is ignored: input \"x\" of rank 5 has its own");
        }
        const OutputTarget y = plan.beginOutput("y", shape, ChannelAxis::last, false);
        layer_.apply(plan, x, video, y.tensor, false);
        plan.endOutput(y);
    }

private:
    uint32_t dim_;
    PegLayer layer_;
    Config::Integers shape_; ///< where the configuration has it
};

struct TransformerArguments {
    PhenakiArguments self, cross;
    uint32_t depth = 0;
    bool hasCross = false, peg = false, pegCausal = false;
    double feedForward = 4;
    Config::Integers videoShape; ///< (b, frames, height, width) where the configuration has it
};

class PhenakiTransformer final : public Module {
public:
    explicit PhenakiTransformer(const ModuleSource& source);
    void build(PlanBuilder& plan) const override;

private:
    struct Layer {
        std::optional<PegLayer> peg;
        PhenakiAttentionLayer self;
        std::optional<PhenakiAttentionLayer> cross;
        PhenakiFeedForwardLayer feedForward;
    };

    TransformerArguments a_;
    std::pmr::vector<Layer> layers_;
    std::optional<LayerNorm> normOut_;
};

TransformerArguments readTransformer(Config& config) {
    TransformerArguments a;
    a.self = readAttention(config);
    a.cross = a.self;
    a.self.dimContext = a.self.dim;
    a.cross.causal = false;
    a.cross.nullKeys = config.uint32("attn_num_null_kv");
    a.depth = config.uint32("depth");
    a.hasCross = config.boolean("has_cross_attn");
    a.peg = config.boolean("peg");
    a.pegCausal = config.boolean("peg_causal");
    a.feedForward = config.number("ff_mult");
    config.number("attn_dropout");
    config.number("ff_dropout");
    a.videoShape = config.integers("video_shape");
    return a;
}

PhenakiTransformer::PhenakiTransformer(const ModuleSource& source)
    : a_(readTransformer(source.config)), layers_(source.memory) {
    WeightSet& weights = source.weights;
    layers_.reserve(a_.depth);
    for (uint32_t i = 0; i < a_.depth; ++i) {
        const auto part = [&](int number) {
            char text[48];
            std::snprintf(text, sizeof(text), "layers.%u.%d.", i, number);
            return std::pmr::string(text, source.memory);
        };
        std::optional<PegLayer> peg;
        if (a_.peg)
            peg.emplace(weights, part(0), a_.self.dim, a_.pegCausal);
        PhenakiAttentionLayer self(weights, part(1), a_.self);
        std::optional<PhenakiAttentionLayer> cross;
        if (a_.hasCross)
            cross.emplace(weights, part(2), a_.cross);
        layers_.push_back({std::move(peg), std::move(self), std::move(cross),
                           PhenakiFeedForwardLayer(weights, part(3), a_.self.dim, a_.feedForward)});
    }
    normOut_.emplace(weights, "", "norm_out.gamma", "norm_out.beta", a_.self.dim);
}

void PhenakiTransformer::build(PlanBuilder& plan) const {
    Sequence x = inputSequence(plan, "x", a_.self.dim, 0, "config \"dim\"");
    plan.options().has("video_shape"); // which upstream's callers pass with and without "peg"
    const PegVideo video = a_.peg ? readVideo(plan, "video_shape", a_.videoShape, x) : PegVideo{};
    std::optional<Sequence> context;
    PhenakiInputs selfInputs, crossInputs;
    selfInputs.bias = inputBias(plan, a_.self.heads, x, x);
    selfInputs.mask = plan.inputKeyMask("self_attn_mask", x.batch, x.tokens);
    if (a_.hasCross && plan.hasInput("context")) {
        context = inputSequence(plan, "context", a_.cross.dimContext, x.batch, "config \"dim_context\"");
        crossInputs.mask = plan.inputKeyMask("cross_attn_context_mask", context->batch, context->tokens);
    } else {
        const char* reason = a_.hasCross ? "there is no \"context\"" : "config \"has_cross_attn\" is false";
        plan.ignoreInput("context", reason);
        plan.ignoreInput("cross_attn_context_mask", reason);
    }
    const auto next = [&] { return plan.activation("x", {x.batch, x.tokens, x.width}); };
    for (const Layer& layer : layers_) {
        if (layer.peg) {
            const TensorId result = next();
            layer.peg->apply(plan, x, video, result, true);
            x.tensor = result;
        }
        TensorId result = next();
        layer.self.apply(plan, x, nullptr, selfInputs, result, x.tensor);
        x.tensor = result;
        if (layer.cross && context) {
            result = next();
            layer.cross->apply(plan, x, &*context, crossInputs, result, x.tensor);
            x.tensor = result;
        }
        result = next();
        layer.feedForward.apply(plan, x, result, x.tensor);
        x.tensor = result;
    }
    const OutputTarget y = plan.beginOutput("y", {x.batch, x.tokens, x.width}, ChannelAxis::last, false);
    normOut_->apply(plan, "norm_out", x, y.tensor);
    plan.endOutput(y);
}

constexpr const char* origin = "lucidrains/phenaki-pytorch; Villegas et al., arXiv 2210.02399";

} // namespace

constexpr ModuleDescription phenakiAttentionDescription{
    "Phenaki's attention: queries and keys of length 1, learnt null keys, ALiBi if causal.",
    origin,
    attentionConfig,
    {},
    attentionInputs,
    sequenceOutputs,
    {}};
constexpr ModuleDescription phenakiFeedForwardDescription{"Phenaki's feed forward layer, gated by GELU.",
                                                          origin,
                                                          feedForwardConfig,
                                                          {},
                                                          feedForwardInputs,
                                                          sequenceOutputs,
                                                          {}};
constexpr ModuleDescription pegDescription{"Phenaki's position generator: a depthwise 3x3x3 convolution.",
                                           origin,
                                           pegConfig,
                                           pegOptions,
                                           pegInputs,
                                           pegOutputs,
                                           pegShapeLimits};
constexpr ModuleDescription phenakiTransformerDescription{
    "Phenaki's transformer: position generator, self attention, cross attention and feed forward, in layers.",
    origin,
    transformerConfig,
    transformerOptions,
    transformerInputs,
    sequenceOutputs,
    pegLimits};

ModulePtr makePhenakiAttention(const ModuleSource& source) { return makeModule<PhenakiAttention>(source); }
ModulePtr makePhenakiFeedForward(const ModuleSource& source) { return makeModule<PhenakiFeedForward>(source); }
ModulePtr makePeg(const ModuleSource& source) { return makeModule<Peg>(source); }
ModulePtr makePhenakiTransformer(const ModuleSource& source) { return makeModule<PhenakiTransformer>(source); }

} // namespace saccade
