// SPDX-License-Identifier: Apache-2.0
// Layers that upstream's systems are made of, as modules of their own: Phenaki's LayerNorm, GEGLU and l2norm
// (lucidrains/phenaki-pytorch), and Scale (lucidrains/deformable-attention).
#include <bit>

#include "base/error.hpp"
#include "kernels/rows.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr Key normConfig[] = {Key::integer("dim", 1, 1 << 16, "channels of x")};
constexpr Key scaleConfig[] = {
    Key::number("scale", -1e30, 1e30, "the factor; ignored where the checkpoint has scale, a factor for each channel")
        .optional()};

constexpr const char* rowsMeaning = "rows of channels";
constexpr TensorDescription normInputs[] = {{"x", Presence::required, floatTypes, "(b, *rows, dim)", rowsMeaning}};
constexpr TensorDescription normOutputs[] = {
    {"y", Presence::required, floatTypes, "(b, *rows, dim)", "normalised rows"}};
constexpr TensorDescription l2Inputs[] = {{"x", Presence::required, floatTypes, "(b, *rows, c)", rowsMeaning}};
constexpr TensorDescription l2Outputs[] = {{"y", Presence::required, floatTypes, "(b, *rows, c)", "rows of length 1"}};
constexpr TensorDescription gegluInputs[] = {
    {"x", Presence::required, floatTypes, "(b, *rows, 2 * c)", "values, then gates"}};
constexpr TensorDescription gegluOutputs[] = {
    {"y", Presence::required, floatTypes, "(b, *rows, c)", "values times the GELU of their gates"}};
constexpr TensorDescription scaleInputs[] = {{"x", Presence::required, floatTypes, "(b, c, *spatial)", "feature map"}};
constexpr TensorDescription scaleOutputs[] = {
    {"y", Presence::required, floatTypes, "(b, c, *spatial)", "scaled feature map"}};

// Input "x" (b, ..., channels) as rows of channels, and the output "y" that takes as many rows.
struct Rows {
    Shape shape;
    uint32_t batch = 1, rows = 1, width = 1;
    TensorId tensor = noTensor;
};

Rows inputRows(PlanBuilder& plan) {
    Rows x;
    x.shape = plan.inputShape("x", 0);
    if (x.shape.size() < 2)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"x\" has rank 1, it is (b, ..., channels)");
    plan.setBatch(x.shape[0]);
    x.batch = plan.batch();
    x.width = static_cast<uint32_t>(x.shape.back());
    x.rows = static_cast<uint32_t>(elementCount(x.shape) / (uint64_t{x.batch} * x.width));
    return x;
}

NormDesc describeNorm(const PlanBuilder& plan, const Rows& x) {
    NormDesc desc;
    desc.storage = plan.storage();
    desc.batch = x.batch;
    desc.tokens = x.rows;
    desc.width = x.width;
    desc.source = desc.result = AttentionView::tokens(x.rows, x.width, x.width);
    return desc;
}

// gamma is learnt, beta a buffer that upstream leaves at 0; a checkpoint has both.
class PhenakiLayerNorm final : public Module {
public:
    explicit PhenakiLayerNorm(const ModuleSource& source)
        : dim_(source.config.uint32("dim")), gamma_(source.weights.raw("gamma", {dim_})),
          beta_(source.weights.raw("beta", {dim_})) {}

    void build(PlanBuilder& plan) const override {
        const Rows x = inputRows(plan);
        plan.expectDimension("x", static_cast<uint32_t>(x.shape.size() - 1), dim_, "config \"dim\"");
        const TensorId rows = plan.inputTokens("x", ChannelAxis::last);
        NormDesc desc = describeNorm(plan, x);
        desc.hasShift = true;
        const OutputTarget y = plan.beginOutput("y", x.shape, ChannelAxis::last, false);
        plan.graph().add("norm", normKernel(desc, plan.device()),
                         {rows, y.tensor, plan.weight(gamma_), plan.weight(beta_)});
        plan.endOutput(y);
    }

private:
    uint32_t dim_;
    WeightId gamma_, beta_;
};

// x / max(|x|, 1e-12) over the last dimension: torch.nn.functional.normalize.
class L2Norm final : public Module {
public:
    explicit L2Norm(const ModuleSource&) {}

    void build(PlanBuilder& plan) const override {
        const Rows x = inputRows(plan);
        const TensorId rows = plan.inputTokens("x", ChannelAxis::last);
        NormDesc desc = describeNorm(plan, x);
        desc.kind = NormKind::l2;
        desc.epsilon = 1e-12f;
        desc.hasScale = false;
        const OutputTarget y = plan.beginOutput("y", x.shape, ChannelAxis::last, false);
        plan.graph().add("l2norm", normKernel(desc, plan.device()), {rows, y.tensor});
        plan.endOutput(y);
    }
};

// The first half of the channels times the GELU of the second (GLU variants, arXiv 2002.05202).
class Geglu final : public Module {
public:
    explicit Geglu(const ModuleSource&) {}

    void build(PlanBuilder& plan) const override {
        Rows x = inputRows(plan);
        if (x.width % 2)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "input \"x\": its last dimension is %u, it must be even: values, then gates", x.width);
        const TensorId rows = plan.inputTokens("x", ChannelAxis::last);
        ProductDesc desc;
        desc.storage = desc.secondType = plan.storage();
        desc.batch = x.batch;
        desc.rows = x.rows;
        desc.width = x.width / 2;
        desc.first = ProductView::rows(x.rows, x.width);
        desc.second = ProductView::rows(x.rows, x.width, desc.width);
        desc.result = ProductView::rows(x.rows, desc.width);
        desc.activation = ActivationKind::gelu;
        x.shape.back() = desc.width;
        const OutputTarget y = plan.beginOutput("y", x.shape, ChannelAxis::last, false);
        plan.graph().add("geglu", productKernel(desc, plan.device()), {rows, rows, y.tensor});
        plan.endOutput(y);
    }
};

// x * scale over (b, c, *spatial): one number of the configuration, or a buffer "scale" of the checkpoint with one for
// each channel, as 3D has it.
class Scale final : public Module {
public:
    explicit Scale(const ModuleSource& source) {
        WeightSet& weights = source.weights;
        if (const TensorShape* shape = weights.shapeOf("scale"); shape && shape->size() == 1) {
            source.config.has("scale"); // the buffer has the last word
            channels_ = static_cast<uint32_t>((*shape)[0]);
            scale_ = weights.raw("scale", {channels_});
            return;
        }
        if (!source.config.has("scale"))
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config has no \"scale\", and the checkpoint has no tensor \"scale\"");
        const uint64_t bits = std::bit_cast<uint32_t>(static_cast<float>(source.config.number("scale")));
        const auto pack = [](std::span<const std::span<const float>>, std::span<const uint64_t> parameters,
                             std::span<float> out) {
            out[0] = std::bit_cast<float>(static_cast<uint32_t>(parameters[0]));
        };
        scale_ = weights.pack("scale", {}, 1, pack, {&bits, 1}, WeightPrecision::float32);
    }

    void build(PlanBuilder& plan) const override {
        const Shape shape = plan.inputShape("x", 0);
        if (shape.size() < 2)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"x\" has rank 1, it is (b, c, *spatial)");
        if (channels_)
            plan.expectDimension("x", 1, channels_, "the length of \"scale\"");
        plan.setBatch(shape[0]);
        const TensorId tokens = plan.inputTokens("x", ChannelAxis::second);
        ProductDesc desc;
        desc.storage = plan.storage();
        desc.batch = plan.batch();
        desc.width = static_cast<uint32_t>(shape[1]);
        desc.rows = static_cast<uint32_t>(elementCount(shape) / (shape[0] * shape[1]));
        desc.first = desc.result = ProductView::rows(desc.rows, desc.width);
        desc.second.channelStride = channels_ ? 1 : 0;
        const OutputTarget y = plan.beginOutput("y", shape, ChannelAxis::second, false);
        plan.graph().add("scale", productKernel(desc, plan.device()), {tokens, plan.weight(scale_), y.tensor});
        plan.endOutput(y);
    }

private:
    uint32_t channels_ = 0; ///< 0: one number for all
    WeightId scale_ = 0;
};

} // namespace

constexpr const char* phenaki = "lucidrains/phenaki-pytorch";
constexpr ModuleDescription phenakiLayerNormDescription{
    "Phenaki's LayerNorm: gamma is learnt, beta a buffer.", phenaki, normConfig, {}, normInputs, normOutputs, {}};
constexpr ModuleDescription gegluDescription{
    "GELU-gated linear unit: the first half of the channels times the GELU of the second.",
    "lucidrains/phenaki-pytorch; Shazeer, arXiv 2002.05202",
    {},
    {},
    gegluInputs,
    gegluOutputs,
    {}};
constexpr ModuleDescription l2NormDescription{
    "Divides each row by its Euclidean length, or by 1e-12 where that is more.",
    phenaki,
    {},
    {},
    l2Inputs,
    l2Outputs,
    {}};
constexpr ModuleDescription scaleDescription{"Multiplies a feature map by one number or by one for each channel.",
                                             "lucidrains/deformable-attention",
                                             scaleConfig,
                                             {},
                                             scaleInputs,
                                             scaleOutputs,
                                             {}};

ModulePtr makePhenakiLayerNorm(const ModuleSource& source) { return makeModule<PhenakiLayerNorm>(source); }
ModulePtr makeGeglu(const ModuleSource& source) { return makeModule<Geglu>(source); }
ModulePtr makeL2Norm(const ModuleSource& source) { return makeModule<L2Norm>(source); }
ModulePtr makeScale(const ModuleSource& source) { return makeModule<Scale>(source); }

} // namespace saccade
