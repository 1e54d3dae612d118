// SPDX-License-Identifier: Apache-2.0
// ONNX's RotaryEmbedding operator (opset 23) as a model of one operator.
#include "base/error.hpp"
#include "kernels/rows.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr Key configKeys[] = {
    Key::integer("interleaved", 0, 1, "pairs are neighbours instead of a half apart").orElse(0),
    Key::integer("num_heads", 0, 4096, "heads; required where input has rank 3").orElse(0),
    Key::integer("rotary_embedding_dim", 0, 1 << 16, "r, the channels that rotate: even, at most d; 0: d").orElse(0),
};
constexpr TensorDescription inputs[] = {
    {"input", Presence::required, floatTypes, "(b, n, num_heads * d) | (b, heads, n, d)", "what rotates"},
    {"cos_cache", Presence::required, floatTypes, "(positions, r / 2) | (b, n, r / 2)",
     "cosines: with position_ids a table of rank 2, else a row for each token"},
    {"sin_cache", Presence::required, floatTypes, "(positions, r / 2) | (b, n, r / 2)", "sines, likewise"},
    {"position_ids", Presence::optional, {DataType::i64, DataType::i32}, "(b, n)", "rows of the caches"},
};
constexpr TensorDescription outputs[] = {
    {"output", Presence::required, floatTypes, "(b, n, num_heads * d) | (b, heads, n, d)", "as input"}};

class OnnxRotaryEmbedding final : public Module {
public:
    explicit OnnxRotaryEmbedding(const ModuleSource& source)
        : interleaved_(source.config.integer("interleaved") == 1), heads_(source.config.uint32("num_heads")),
          rotated_(source.config.uint32("rotary_embedding_dim")) {}

    void build(PlanBuilder& plan) const override;

private:
    void addTable(PlanBuilder& plan, RotaryDesc& desc) const;

    bool interleaved_;
    uint32_t heads_, rotated_; ///< 0: not given
};

// With position_ids the caches are (positions, rotated / 2); without, a row for every token, (batch, tokens, rotated /
// 2).
void OnnxRotaryEmbedding::addTable(PlanBuilder& plan, RotaryDesc& desc) const {
    desc.readsPositions = plan.hasInput("position_ids");
    desc.tablePerBatch = !desc.readsPositions;
    const uint32_t rank = desc.readsPositions ? 2 : 3;
    for (const char* name : {"cos_cache", "sin_cache"}) {
        const Shape table = plan.inputShape(name, rank);
        plan.expectDimension(name, rank - 1, desc.rotated / 2, "half of the rotated channels");
        if (!desc.readsPositions) {
            plan.expectDimension(name, 0, desc.batch, "the batch of \"input\"");
            plan.expectDimension(name, 1, desc.tokens, "the tokens of \"input\"");
        }
        desc.tablePositions = static_cast<uint32_t>(table[rank - 2]);
    }
    plan.expectDimension("sin_cache", 0, plan.inputShape("cos_cache", rank)[0], "as \"cos_cache\"");
    if (desc.readsPositions) {
        plan.inputShape("position_ids", 2);
        plan.expectDimension("position_ids", 0, desc.batch, "the batch of \"input\"");
        plan.expectDimension("position_ids", 1, desc.tokens, "the tokens of \"input\"");
    }
}

void OnnxRotaryEmbedding::build(PlanBuilder& plan) const {
    const Shape shape = plan.inputShape("input", 0);
    if (shape.size() != 3 && shape.size() != 4)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"input\" has rank %zu, the operator wants 3 or 4",
                    shape.size());
    plan.setBatch(shape[0]);
    RotaryDesc desc;
    desc.storage = plan.storage();
    desc.batch = plan.batch();
    if (shape.size() == 4) {
        desc.heads = static_cast<uint32_t>(shape[1]);
        desc.tokens = static_cast<uint32_t>(shape[2]);
        desc.channels = static_cast<uint32_t>(shape[3]);
        desc.source = desc.result = AttentionView::heads(desc.heads, desc.tokens, desc.channels);
    } else {
        if (!heads_ || shape[2] % heads_)
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config \"num_heads\": %u must divide shape[2] = %llu of input \"input\" of rank 3", heads_,
                        wide(shape[2]));
        desc.heads = heads_;
        desc.tokens = static_cast<uint32_t>(shape[1]);
        desc.channels = static_cast<uint32_t>(shape[2]) / heads_;
        desc.source = desc.result = AttentionView::tokens(desc.tokens, static_cast<uint32_t>(shape[2]), desc.channels);
    }
    desc.rotated = rotated_ ? rotated_ : desc.channels;
    if (desc.rotated % 2 || desc.rotated > desc.channels)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%u rotated channels: they must be even and at most the head's %u",
                    desc.rotated, desc.channels);
    desc.interleaved = interleaved_;
    desc.angles = false;
    addTable(plan, desc);

    const TensorId input = plan.inputTokens("input", ChannelAxis::last);
    FixedVector<TensorId, 5> operands{input, noTensor, plan.inputFloats("cos_cache"), plan.inputFloats("sin_cache")};
    if (desc.readsPositions) {
        desc.positionType = plan.inputType("position_ids").value_or(DataType::i64);
        operands.push_back(plan.inputBuffer("position_ids", desc.positionType));
    }
    const OutputTarget output = plan.beginOutput("output", shape, ChannelAxis::last, false);
    operands[1] = output.tensor;
    plan.graph().add("rotary", rotaryKernel(desc, plan.device()), operands);
    plan.endOutput(output);
}

} // namespace

constexpr ModuleDescription onnxRotaryEmbeddingDescription{"ONNX's RotaryEmbedding as a model of one operator.",
                                                           "onnx.ai: RotaryEmbedding, opset 23",
                                                           configKeys,
                                                           {},
                                                           inputs,
                                                           outputs,
                                                           {}};

ModulePtr makeOnnxRotaryEmbedding(const ModuleSource& source) { return makeModule<OnnxRotaryEmbedding>(source); }

} // namespace saccade
