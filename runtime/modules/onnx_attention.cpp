// SPDX-License-Identifier: Apache-2.0
// ONNX's Attention operator (opset 23 and 24) as a model of one operator: onnx.ai/onnx/operators/onnx__Attention.html.
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "kernels/attention.hpp"
#include "kernels/copy.hpp"
#include "modules/layers/attention.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr Key configKeys[] = {
    Key::integer("q_num_heads", 0, 4096, "heads of Q; required where inputs have rank 3").orElse(0),
    Key::integer("kv_num_heads", 0, 4096, "heads of K and V, which divide those of Q; likewise").orElse(0),
    Key::integer("is_causal", 0, 1, "no key after the query's position").orElse(0),
    Key::number("scale", -1e6, 1e6, "factor of the scores; 0: 1 / sqrt(d)").orElse(0),
    Key::number("softcap", 0, 1e6, "scores become softcap * tanh(score / softcap); 0: they do not").orElse(0),
    Key::integer("qk_matmul_output_mode", 0, 3,
                 "what qk_matmul_output has: 0 scores, 1 with the mask, 2 with softcap, 3 softmax")
        .orElse(0),
    Key::integer("softmax_precision", 0, 64, "softmax is float32 whatever it says").optional(),
};
constexpr TensorDescription inputs[] = {
    {"Q", Presence::required, floatTypes, "(b, n, q_num_heads * d) | (b, hq, n, d)", "queries"},
    {"K", Presence::required, floatTypes, "(b, m, kv_num_heads * d) | (b, hk, m, d)", "keys"},
    {"V", Presence::required, floatTypes, "(b, m, kv_num_heads * dv) | (b, hk, m, dv)", "values"},
    {"attn_mask",
     Presence::optional,
     {DataType::f32, DataType::f16, DataType::boolean},
     "(nm, keys) | (hm, nm, keys) | (bm, hm, nm, keys)",
     "added to the scores, or true: the key counts; broadcast from the right, a dimension is 1 or that of the scores; "
     "keys beyond its last are hidden"},
    {"past_key", Presence::optional, floatTypes, "(b, hk, p, d)", "keys before K; with past_value"},
    {"past_value", Presence::optional, floatTypes, "(b, hk, p, dv)", "values before V; with past_key"},
    {"nonpad_kv_seqlen", Presence::optional, {DataType::i64}, "(b)", "keys that count"},
};
constexpr TensorDescription outputs[] = {
    {"Y", Presence::required, floatTypes, "(b, n, hq * dv) | (b, hq, n, dv)", "attended values, of Q's rank"},
    {"present_key", Presence::optional, floatTypes, "(b, hk, p + m, d)", "past_key and K"},
    {"present_value", Presence::optional, floatTypes, "(b, hk, p + m, dv)", "past_value and V"},
    {"qk_matmul_output", Presence::optional, floatTypes, "(b, hq, n, p + m)", "see qk_matmul_output_mode"},
};
constexpr const char* limits[] = {"d and dv are at most 256."};

class OnnxAttention final : public Module {
public:
    explicit OnnxAttention(const ModuleSource& source);
    void build(PlanBuilder& plan) const override;

private:
    // An operand as (batch, heads, tokens, channels), whichever of the two layouts it came in.
    struct Operand {
        uint32_t heads, tokens, channels;
        AttentionView view;
        TensorId tensor = noTensor;
    };
    Operand readOperand(PlanBuilder& plan, std::string_view name, uint32_t heads, const char* attribute) const;
    void addPresent(PlanBuilder& plan, Operand& operand, std::string_view past, std::string_view present) const;
    void addMask(PlanBuilder& plan, AttentionDesc& attention, AttentionTensors& tensors) const;
    void addScores(PlanBuilder& plan, const AttentionDesc& attention, AttentionTensors tensors) const;

    uint32_t queryHeads_, keyHeads_; ///< 0: not given, as 4D inputs need not
    bool causal_;
    double scale_; ///< 0: 1 / sqrt(head size)
    float softcap_;
    AttentionStage stage_;
};

OnnxAttention::OnnxAttention(const ModuleSource& source) {
    Config& config = source.config;
    queryHeads_ = config.uint32("q_num_heads");
    keyHeads_ = config.uint32("kv_num_heads");
    causal_ = config.integer("is_causal") == 1;
    scale_ = config.number("scale");
    softcap_ = static_cast<float>(config.number("softcap"));
    stage_ = static_cast<AttentionStage>(config.integer("qk_matmul_output_mode"));
    config.optionalInteger("softmax_precision");
}

OnnxAttention::Operand OnnxAttention::readOperand(PlanBuilder& plan, std::string_view name, uint32_t heads,
                                                  const char* attribute) const {
    const Shape shape = plan.inputShape(name, 0);
    Operand out;
    if (shape.size() == 4) {
        out.heads = static_cast<uint32_t>(shape[1]);
        out.tokens = static_cast<uint32_t>(shape[2]);
        out.channels = static_cast<uint32_t>(shape[3]);
        out.view = AttentionView::heads(out.heads, out.tokens, out.channels);
    } else if (shape.size() == 3) {
        if (!heads)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config has no \"%s\", which input \"%.*s\" of rank 3 needs",
                        attribute, clip(name), name.data());
        if (shape[2] % heads)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\": shape[2] is %llu, not divisible by \"%s\": %u",
                        clip(name), name.data(), wide(shape[2]), attribute, heads);
        out.heads = heads;
        out.tokens = static_cast<uint32_t>(shape[1]);
        out.channels = static_cast<uint32_t>(shape[2]) / heads;
        out.view = AttentionView::tokens(out.tokens, static_cast<uint32_t>(shape[2]), out.channels);
    } else {
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\" has rank %zu, the operator wants 3 or 4", clip(name),
                    name.data(), shape.size());
    }
    if (out.channels > 256)
        throw Error(SAC_ERROR_UNSUPPORTED, "input \"%.*s\" has heads of %u channels, at most 256", clip(name),
                    name.data(), out.channels);
    out.tensor = plan.inputTokens(name, ChannelAxis::last);
    return out;
}

// Puts the past before the current keys or values, where there is one or the joined tensor is asked for.
void OnnxAttention::addPresent(PlanBuilder& plan, Operand& operand, std::string_view past,
                               std::string_view present) const {
    const bool hasPast = plan.hasInput(past), wanted = plan.wantsOutput(present);
    if (!hasPast && !wanted)
        return;
    uint32_t before = 0;
    if (hasPast) {
        const Shape shape = plan.inputShape(past, 4);
        plan.expectDimension(past, 0, plan.batch(), "the batch of \"Q\"");
        plan.expectDimension(past, 1, operand.heads, "the heads of the current keys and values");
        plan.expectDimension(past, 3, operand.channels, "their channels");
        before = static_cast<uint32_t>(shape[2]);
    }
    const uint32_t total = before + operand.tokens, channels = operand.channels;
    const Shape shape{plan.batch(), operand.heads, total, channels};
    OutputTarget target;
    const TensorId joined = wanted ? (target = plan.beginOutput(present, shape, ChannelAxis::last, false)).tensor
                                   : plan.activation(present, shape);
    const AttentionView view = AttentionView::heads(operand.heads, total, channels);
    const auto copy = [&](TensorId from, const AttentionView& source, uint32_t tokens, uint32_t first) {
        CopyDesc desc;
        desc.fromType = desc.toType = plan.storage();
        desc.batch = plan.batch();
        desc.heads = operand.heads;
        desc.tokens = tokens;
        desc.channels = channels;
        desc.from = {source.offset, source.batchStride, source.headStride, source.tokenStride, 1};
        desc.to = {first * channels, view.batchStride, view.headStride, view.tokenStride, 1};
        plan.graph().add(present, copyKernel(desc, plan.device()), {from, joined});
    };
    if (hasPast)
        copy(plan.inputTokens(past, ChannelAxis::last), AttentionView::heads(operand.heads, before, channels), before,
             0);
    copy(operand.tensor, operand.view, operand.tokens, before);
    if (wanted)
        plan.endOutput(target);
    operand.tensor = joined;
    operand.view = view;
    operand.tokens = total;
}

// attn_mask broadcasts from the right over (batch, heads, queries, keys). Keys it is too short for are hidden.
void OnnxAttention::addMask(PlanBuilder& plan, AttentionDesc& attention, AttentionTensors& tensors) const {
    const auto strides =
        plan.broadcastStrides("attn_mask", {attention.batch, attention.heads, attention.queries, attention.keys}, true);
    const Shape& shape = plan.inputShape("attn_mask", 0);
    if (shape.back() > 1)
        attention.keys = static_cast<uint32_t>(shape.back());
    if (plan.inputType("attn_mask") == DataType::boolean) {
        attention.staticMask = true;
        attention.staticMaskStrides = strides;
        tensors.staticMask = plan.inputBuffer("attn_mask", DataType::boolean);
    } else {
        attention.denseBias = true;
        attention.denseBiasStrides = strides;
        tensors.denseBias = plan.inputFloats("attn_mask");
    }
}

// The score matrix is an optional result: its memory is queries x keys.
void OnnxAttention::addScores(PlanBuilder& plan, const AttentionDesc& attention, AttentionTensors tensors) const {
    const OutputTarget scores =
        plan.beginOutput("qk_matmul_output", {attention.batch, attention.heads, attention.queries, attention.keys},
                         ChannelAxis::last, false);
    tensors.out = scores.tensor;
    constexpr float hidden = -std::numeric_limits<float>::infinity();
    addAttentionScores(plan, "qk_matmul_output", attention, stage_, hidden, tensors);
    plan.endOutput(scores);
}

void OnnxAttention::build(PlanBuilder& plan) const {
    const Shape shape = plan.inputShape("Q", 0);
    plan.setBatch(shape[0]);
    plan.expectDimension("K", 0, shape[0], "the batch of \"Q\"");
    plan.expectDimension("V", 0, shape[0], "the batch of \"Q\"");
    const Operand q = readOperand(plan, "Q", queryHeads_, "q_num_heads");
    Operand k = readOperand(plan, "K", keyHeads_, "kv_num_heads");
    Operand v = readOperand(plan, "V", keyHeads_, "kv_num_heads");
    if (k.channels != q.channels)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"K\" has heads of %u channels, input \"Q\" of %u", k.channels,
                    q.channels);
    if (k.heads != v.heads || q.heads % k.heads)
        throw Error(
            SAC_ERROR_INVALID_ARGUMENT,
            "inputs \"K\" and \"V\" have %u and %u heads, they must have as many as each other and divide the %u "
            "of \"Q\"",
            k.heads, v.heads, q.heads);
    const uint32_t past = plan.hasInput("past_key") ? static_cast<uint32_t>(plan.inputShape("past_key", 4)[2]) : 0;
    if (plan.hasInput("past_key") != plan.hasInput("past_value"))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "inputs \"past_key\" and \"past_value\" come together or not at all");
    addPresent(plan, k, "past_key", "present_key");
    addPresent(plan, v, "past_value", "present_value");
    if (k.tokens != v.tokens)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "inputs \"K\" and \"V\" have %u and %u tokens with their past",
                    k.tokens, v.tokens);

    AttentionDesc attention;
    attention.half = plan.half();
    attention.batch = plan.batch();
    attention.heads = q.heads;
    attention.kvHeads = k.heads;
    attention.queries = q.tokens;
    attention.keys = k.tokens;
    attention.headDim = q.channels;
    attention.valueDim = v.channels;
    attention.scale = static_cast<float>(scale_ != 0 ? scale_ : 1 / std::sqrt(static_cast<double>(q.channels)));
    attention.q = q.view;
    attention.k = k.view;
    attention.v = v.view;
    attention.softcap = softcap_;
    attention.causal = causal_;
    attention.causalOffset = static_cast<int32_t>(past);
    attention.empty = AttentionDesc::Empty::zeros;
    Shape outShape{plan.batch(), q.tokens, uint64_t{q.heads} * v.channels};
    attention.out = AttentionView::tokens(q.tokens, q.heads * v.channels, v.channels);
    if (shape.size() == 4) {
        outShape = {plan.batch(), q.heads, q.tokens, v.channels};
        attention.out = AttentionView::heads(q.heads, q.tokens, v.channels);
    }

    const bool wantsScores = plan.wantsOutput("qk_matmul_output");
    const OutputTarget y = plan.beginOutput("Y", outShape, ChannelAxis::last, false);
    AttentionTensors tensors{.q = q.tensor, .k = k.tensor, .v = v.tensor, .out = y.tensor};
    if (plan.hasInput("attn_mask"))
        addMask(plan, attention, tensors);
    if (plan.hasInput("nonpad_kv_seqlen")) {
        plan.inputShape("nonpad_kv_seqlen", 1);
        plan.expectDimension("nonpad_kv_seqlen", 0, plan.batch(), "the batch of \"Q\"");
        attention.lengths = attention.lengthsPerBatch = attention.wideLengths = attention.keysFromLength = true;
        tensors.lengths = plan.inputBuffer("nonpad_kv_seqlen", DataType::i64);
    }
    if (wantsScores && attention.keys != k.tokens)
        throw Error(SAC_ERROR_UNSUPPORTED, "output \"qk_matmul_output\" with an \"attn_mask\" for %u of %u keys",
                    attention.keys, k.tokens);
    addAttention(plan, "attention", attention, tensors);
    if (wantsScores)
        addScores(plan, attention, tensors);
    plan.endOutput(y);
}

} // namespace

constexpr ModuleDescription onnxAttentionDescription{"ONNX's Attention as a model of one operator.",
                                                     "onnx.ai: Attention, opsets 23 and 24",
                                                     configKeys,
                                                     {},
                                                     inputs,
                                                     outputs,
                                                     limits};

ModulePtr makeOnnxAttention(const ModuleSource& source) { return makeModule<OnnxAttention>(source); }

} // namespace saccade
