// SPDX-License-Identifier: Apache-2.0
// Sparse causal attentions of DALLE-pytorch over a sequence of text and then image tokens: SparseConvCausalAttention
// and SparseAxialCausalAttention.
//
// Upstream pads the sequence to its full length, seq_len + 1, first. No token that is asked for can see the padding:
// text and image are both causal, and image queries come after all text. So nothing is padded here.
#include "base/error.hpp"
#include "modules/dalle_projection.hpp"
#include "modules/layers/attention.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr Key imageSizeKey = Key::integer("image_size", 1, 4096, "rows and columns of the image tokens").orElse(32);
// Upstream's **kwargs take and drop anything, so that one set of arguments serves all classes of attention. Those of
// the other classes are dropped here too; a name that is none of them is refused as everywhere.
constexpr const char* otherMeaning = "another class's argument, ignored with a warning";
constexpr const char* convOthers[] = {"axis", "static_mask", "block_size", "text_seq_len", "num_random_blocks"};
constexpr const char* axialOthers[] = {"kernel_size", "dilation",     "static_mask",
                                       "block_size",  "text_seq_len", "num_random_blocks"};
constexpr Key convConfig[] = {
    dalle::dim,
    dalle::seqLen,
    dalle::heads,
    dalle::dimHead,
    dalle::causalIgnored,
    dalle::dropout,
    dalle::stable,
    imageSizeKey,
    Key::integer("kernel_size", 1, 1023, "rows and columns of the window that an image token sees; odd").orElse(5),
    Key::integer("dilation", 1, 1023, "distance of the window's columns and rows").orElse(1),
    Key::ignored("axis", otherMeaning),
    Key::ignored("static_mask", otherMeaning),
    Key::ignored("block_size", otherMeaning),
    Key::ignored("text_seq_len", otherMeaning),
    Key::ignored("num_random_blocks", otherMeaning),
};
constexpr Key axialConfig[] = {
    dalle::dim,
    dalle::seqLen,
    dalle::heads,
    dalle::dimHead,
    dalle::causalIgnored,
    dalle::dropout,
    dalle::stable,
    imageSizeKey,
    Key::integer("axis", 0, 1, "an image token sees 0: its row, 1: its column").orElse(0),
    Key::ignored("kernel_size", otherMeaning),
    Key::ignored("dilation", otherMeaning),
    Key::ignored("static_mask", otherMeaning),
    Key::ignored("block_size", otherMeaning),
    Key::ignored("text_seq_len", otherMeaning),
    Key::ignored("num_random_blocks", otherMeaning),
};
constexpr TensorDescription inputs[] = {
    dalle::x,
    {"mask",
     Presence::optional,
     {DataType::boolean},
     "(b, m)",
     "true: the text token counts; its first seq_len + 1 - image_size * image_size columns are read"},
    dalle::rotary,
};
constexpr TensorDescription outputs[] = {dalle::y};
constexpr const char* limits[] = {
    "seq_len is at least image_size * image_size.",
    "n is at most seq_len + 1.",
};

class DalleSparse final : public Module {
public:
    explicit DalleSparse(const ModuleSource& source)
        : a_(readDalleArguments(source.config)), projection_(source.weights, a_) {
        Config& config = source.config;
        image_ = config.uint32("image_size");
        if (uint64_t{image_} * image_ > a_.sequence)
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config \"image_size\": %u squared leaves no text in \"seq_len\": %u + 1 tokens", image_,
                        a_.sequence);
        const bool axial = source.type == "SparseAxialCausalAttention";
        ignoreOthers(source, axial ? std::span<const char* const>(axialOthers) : convOthers);
        if (axial) {
            pattern_ = config.integer("axis") == 0 ? AttentionPattern::axialRow : AttentionPattern::axialColumn;
            return;
        }
        pattern_ = AttentionPattern::convWindow;
        window_ = config.uint32("kernel_size");
        dilation_ = config.uint32("dilation");
        if (window_ % 2 == 0)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"kernel_size\": %u must be odd", window_);
    }

    void build(PlanBuilder& plan) const override {
        const uint32_t tokens = dalleTokens(plan, a_), text = a_.sequence + 1 - image_ * image_;
        if (tokens > a_.sequence + 1)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"x\" has %u tokens, at most config \"seq_len\": %u + 1",
                        tokens, a_.sequence);
        const TensorId qkv = projection_.addQkv(plan, tokens);
        AttentionDesc attention = projection_.describe(plan, tokens, tokens);
        attention.pattern = pattern_;
        attention.textLength = text;
        attention.imageSize = image_;
        attention.windowSize = window_;
        attention.windowDilation = dilation_;
        const TensorId attended = plan.activation("attention", {plan.batch(), tokens, a_.inner()});
        AttentionTensors tensors{.q = qkv, .k = qkv, .v = qkv, .out = attended};
        if (plan.hasInput("mask")) {
            const Shape mask = plan.inputShape("mask", 2);
            plan.expectDimension("mask", 0, plan.batch(), "the batch of \"x\"");
            if (mask[1] < text)
                throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"mask\": shape[1] is %llu, there are %u text tokens",
                            wide(mask[1]), text);
            attention.keyMask = true;
            attention.keyMaskStride = static_cast<uint32_t>(mask[1]);
            tensors.keyMask = plan.inputBuffer("mask", DataType::boolean);
        }
        addAttention(plan, "attention", attention, tensors);
        projection_.addOutput(plan, "y", attended, tokens);
    }

private:
    static void ignoreOthers(const ModuleSource& source, std::span<const char* const> names) {
        for (const char* name : names)
            if (source.config.has(name))
                source.warnings.add("config \"%s\" is ignored: it is another class's argument", name);
        if (!source.config.boolean("causal"))
            source.warnings.add("config \"causal\": false is ignored: this attention is causal");
    }

    DalleArguments a_;
    DalleProjection projection_;
    uint32_t image_ = 0;
    AttentionPattern pattern_{};
    uint32_t window_ = 1, dilation_ = 1;
};

} // namespace

constexpr ModuleDescription sparseConvCausalDescription{
    "Causal attention of text and image tokens in which an image token sees all text and a window of the image.",
    dalle::origin,
    convConfig,
    {},
    inputs,
    outputs,
    limits};
constexpr ModuleDescription sparseAxialCausalDescription{
    "Causal attention of text and image tokens in which an image token sees all text and its row or column.",
    dalle::origin,
    axialConfig,
    {},
    inputs,
    outputs,
    limits};

ModulePtr makeDalleSparse(const ModuleSource& source) { return makeModule<DalleSparse>(source); }

} // namespace saccade
