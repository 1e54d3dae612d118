// SPDX-License-Identifier: Apache-2.0
// SparseAttention of DALLE-pytorch over DeepSpeed's block layouts: a query sees the keys of the blocks its row names.
//
// The layout is input "layout", bytes (heads or 1, blocks, blocks); sacBuildVariableLayout makes DeepSpeed's variable
// one. Without that input it is the checkpoint's "attn_fn.master_layout", the buffer DeepSpeed saves, or "layout".
// Upstream pads x to whole blocks and hands DeepSpeed the boolean padding mask to be added, so padded and masked keys
// gain 1 instead of being hidden: "padding" is "exclude" (default, hidden) or "reference_add" (as upstream computes).
#include <optional>

#include "base/error.hpp"
#include "kernels/dense_bias.hpp"
#include "kernels/elementwise.hpp"
#include "modules/dalle_projection.hpp"
#include "modules/layers/attention.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr const char* paddings[] = {"exclude", "reference_add"};
constexpr Key configKeys[] = {
    dalle::dim,
    dalle::seqLen,
    dalle::heads,
    dalle::dimHead,
    dalle::causal,
    dalle::dropout,
    dalle::stable,
    Key::integer("block_size", 1, 4096, "tokens of a block").orElse(16),
    Key::choice("padding", paddings,
                "padded and masked keys are hidden (exclude) or gain 1 (reference_add), as upstream computes")
        .orElse(0),
    Key::integer("text_seq_len", 0, 1 << 24, "shapes upstream's layout, which comes ready made here").orElse(256),
    Key::integer("num_random_blocks", 0, 1 << 20, "likewise").optional(),
};
constexpr Key optionKeys[] = {Key::choice("padding", paddings, "over the configuration's").optional()};
constexpr TensorDescription inputs[] = {
    dalle::x,
    {"layout",
     Presence::optional,
     {DataType::u8},
     "(heads, blocks, blocks) | (1, blocks, blocks)",
     "1 where a block of queries (row) sees a block of keys, as sacBuildVariableLayout writes it; absent: the "
     "checkpoint's attn_fn.master_layout or layout"},
    {"mask", Presence::optional, {DataType::boolean}, "(b, n)", "true: the key counts"},
    dalle::rotary,
};
constexpr TensorDescription outputs[] = {
    dalle::y,
    {"y_exclude", Presence::optional, floatTypes, "(b, n, dim)", "y with padding exclude"},
    {"y_reference_add", Presence::optional, floatTypes, "(b, n, dim)", "y with padding reference_add"},
};
constexpr const char* limits[] = {"blocks is at least n / block_size, rounded up."};

class DalleBlockSparse final : public Module {
public:
    explicit DalleBlockSparse(const ModuleSource& source)
        : a_(readDalleArguments(source.config)), projection_(source.weights, a_) {
        Config& config = source.config;
        block_ = config.uint32("block_size");
        referenceAdd_ = config.choice("padding") == 1;
        config.integer("text_seq_len");
        config.optionalInteger("num_random_blocks");
        for (const char* name : {"attn_fn.master_layout", "layout"})
            if (!savedLayout_ && source.weights.has(name))
                declareLayout(source.weights, name);
    }

    void build(PlanBuilder& plan) const override;

private:
    void declareLayout(WeightSet& weights, const char* name);

    // What every result of a plan shares.
    struct Common {
        uint32_t tokens, padded;
        TensorId qkv, layout, mask;
        AttentionDesc attention;
    };
    void addPadding(PlanBuilder& plan, const Common& common) const;
    TensorId addMaskBias(PlanBuilder& plan, const Common& common) const;
    void addResult(PlanBuilder& plan, const Common& common, const char* name, bool referenceAdd) const;

    DalleArguments a_;
    DalleProjection projection_;
    uint32_t block_ = 16;
    bool referenceAdd_ = false;
    std::optional<WeightId> savedLayout_; ///< bytes, four to a packed element
    Shape savedShape_;
};

void DalleBlockSparse::declareLayout(WeightSet& weights, const char* name) {
    const SourceId source = weights.integers(name);
    savedShape_ = Shape(std::span<const uint64_t>(weights.shape(source)));
    const auto pack = [](std::span<const std::span<const float>> values, std::span<const uint64_t>,
                         std::span<float> packed) {
        auto* bytes = reinterpret_cast<unsigned char*>(packed.data());
        for (const float value : values[0])
            *bytes++ = value != 0;
    };
    savedLayout_ =
        weights.pack(name, {&source, 1}, (elementCount(savedShape_) + 3) / 4, pack, {}, WeightPrecision::bytes);
}

// Rows behind x's tokens are zero: a padded x projects to zero, having no bias.
void DalleBlockSparse::addPadding(PlanBuilder& plan, const Common& common) const {
    if (common.padded == common.tokens)
        return;
    const uint32_t width = 3 * a_.inner();
    const Extents size{1, 1, 1, plan.batch(), common.padded - common.tokens, width};
    const StridedView rows{common.tokens * width, {0, 0, 0, common.padded * width, width, 1}};
    plan.graph().add("padding", zerosKernel(plan.storage(), size, rows, plan.device()),
                     {noTensor, noTensor, noTensor, common.qkv});
}

TensorId DalleBlockSparse::addMaskBias(PlanBuilder& plan, const Common& common) const {
    MaskBiasDesc desc;
    desc.batch = plan.batch();
    desc.keys = common.padded;
    desc.masked = common.tokens;
    desc.hasMask = common.mask != noTensor;
    const TensorId bias = plan.graph().intermediate("mask bias", DataType::f32, {plan.batch(), common.padded});
    FixedVector<TensorId, 2> operands{bias};
    if (desc.hasMask)
        operands.push_back(common.mask);
    plan.graph().add("mask bias", maskBiasKernel(desc, plan.device()), operands);
    return bias;
}

void DalleBlockSparse::addResult(PlanBuilder& plan, const Common& common, const char* name, bool referenceAdd) const {
    AttentionDesc attention = common.attention;
    const TensorId attended = plan.activation("attention", {plan.batch(), common.tokens, a_.inner()});
    AttentionTensors tensors{
        .q = common.qkv, .k = common.qkv, .v = common.qkv, .out = attended, .layout = common.layout};
    if (referenceAdd) {
        attention.keys = common.padded;
        attention.denseBias = true;
        attention.denseBiasStrides = {common.padded, 0, 0, 1};
        tensors.denseBias = addMaskBias(plan, common);
    } else if (common.mask != noTensor) {
        attention.keyMask = true;
        attention.keyMaskStride = common.tokens;
        tensors.keyMask = common.mask;
    }
    addAttention(plan, "attention", attention, tensors);
    projection_.addOutput(plan, name, attended, common.tokens);
}

void DalleBlockSparse::build(PlanBuilder& plan) const {
    Common common;
    common.tokens = dalleTokens(plan, a_);
    const uint32_t blocks = (common.tokens + block_ - 1) / block_;
    common.padded = blocks * block_;
    const bool given = plan.hasInput("layout");
    const Shape layout = given || !savedLayout_ ? plan.inputShape("layout", 3) : savedShape_;
    if (layout.size() != 3 || (layout[0] != 1 && layout[0] != a_.heads) || layout[1] != layout[2])
        throw Error(given ? SAC_ERROR_INVALID_ARGUMENT : SAC_ERROR_INVALID_WEIGHTS,
                    "%s \"layout\" of rank %zu must be (%u or 1, blocks, blocks), as config \"heads\" says",
                    given ? "input" : "the checkpoint's", layout.size(), a_.heads);
    if (layout[1] < blocks)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"layout\": shape[1] is %llu, input \"x\" fills %u blocks",
                    wide(layout[1]), blocks);
    common.mask = noTensor;
    if (plan.hasInput("mask")) {
        plan.inputShape("mask", 2);
        plan.expectDimension("mask", 0, plan.batch(), "the batch of \"x\"");
        plan.expectDimension("mask", 1, common.tokens, "the tokens of \"x\"");
        common.mask = plan.inputBuffer("mask", DataType::boolean);
    }
    common.layout = given ? plan.inputBuffer("layout", DataType::u8) : plan.weight(*savedLayout_);

    const bool referenceAdd = plan.options().optionalChoice("padding").value_or(referenceAdd_) == 1;
    const bool y = plan.wantsOutput("y");
    const bool excluded = plan.wantsOutput("y_exclude"), added = plan.wantsOutput("y_reference_add");
    common.qkv = projection_.addQkv(plan, common.padded);
    if (added || (y && referenceAdd))
        addPadding(plan, common);
    common.attention = projection_.describe(plan, common.tokens, common.padded);
    common.attention.causal = a_.causal;
    common.attention.pattern = AttentionPattern::blocks;
    common.attention.blockSize = block_;
    common.attention.layoutBlocks = static_cast<uint32_t>(layout[1]);
    common.attention.layoutPerHead = layout[0] > 1;
    common.attention.empty = AttentionDesc::Empty::zeros;
    if (y)
        addResult(plan, common, "y", referenceAdd);
    if (excluded)
        addResult(plan, common, "y_exclude", false);
    if (added)
        addResult(plan, common, "y_reference_add", true);
}

} // namespace

constexpr ModuleDescription sparseAttentionDescription{
    "Attention in which a block of queries sees the blocks of keys that a layout names.",
    "lucidrains/DALLE-pytorch and DeepSpeed; Child et al., arXiv 1904.10509",
    configKeys,
    optionKeys,
    inputs,
    outputs,
    limits};

ModulePtr makeDalleBlockSparse(const ModuleSource& source) { return makeModule<DalleBlockSparse>(source); }

} // namespace saccade
