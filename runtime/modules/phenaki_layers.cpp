// SPDX-License-Identifier: Apache-2.0
#include "modules/phenaki_layers.hpp"

#include "kernels/conv.hpp"
#include "kernels/copy.hpp"
#include "kernels/rows.hpp"
#include "modules/layers/attention.hpp"

namespace saccade {

PhenakiAttentionLayer::PhenakiAttentionLayer(WeightSet& weights, std::string_view prefix, const PhenakiArguments& a)
    : a_(a), norm_(weights, prefix, "norm.gamma", "norm.beta", a.dim),
      toQ_(weights, named(weights, prefix, "to_q"), a.dim, a.inner(), withoutBias()),
      toKv_(weights, named(weights, prefix, "to_kv"), a.dimContext, 2 * a.inner(), withoutBias()),
      toOut_(weights, named(weights, prefix, "to_out"), a.inner(), a.dim, withoutBias()),
      qScale_(weights.raw(named(weights, prefix, "q_scale"), {a.dimHead})),
      kScale_(weights.raw(named(weights, prefix, "k_scale"), {a.dimHead})) {
    if (a.normContext)
        contextNorm_.emplace(weights, prefix, "context_norm.gamma", "context_norm.beta", a.dimContext);
    if (a.nullKeys)
        nullKv_ = weights.raw(named(weights, prefix, "null_kv"), {a.heads, 2 * a.nullKeys, a.dimHead});
    if (a.causal)
        slopes_ = declareAlibiSlopes(weights, a.heads);
}

// Null key i and value i are rows 2i and 2i + 1 of null_kv; they come before the sequence's own.
void PhenakiAttentionLayer::addNullKeys(PlanBuilder& plan, const Sequence& keyValues) const {
    for (const uint32_t part : {0u, 1u}) {
        CopyDesc desc;
        desc.toType = plan.storage();
        desc.batch = keyValues.batch;
        desc.heads = a_.heads;
        desc.tokens = a_.nullKeys;
        desc.channels = a_.dimHead;
        desc.from = {part * a_.dimHead, 0, 2 * a_.nullKeys * a_.dimHead, 2 * a_.dimHead, 1};
        desc.to = {part * a_.inner(), keyValues.tokens * keyValues.width, a_.dimHead, keyValues.width, 1};
        plan.graph().add(part ? "null values" : "null keys", copyKernel(desc, plan.device()),
                         {plan.weight(*nullKv_), keyValues.tensor});
    }
}

// Each head's channels, the first ones of a row, become scale * x / max(|x|, 1e-12), in place.
void PhenakiAttentionLayer::normalise(PlanBuilder& plan, std::string_view label, const Sequence& x,
                                      WeightId scale) const {
    NormDesc desc;
    desc.storage = plan.storage();
    desc.kind = NormKind::l2;
    desc.epsilon = 1e-12f;
    desc.batch = x.batch;
    desc.tokens = x.tokens;
    desc.heads = a_.heads;
    desc.width = a_.dimHead;
    desc.source = desc.result = AttentionView::tokens(x.tokens, x.width, a_.dimHead);
    plan.graph().add(label, normKernel(desc, plan.device()), {x.tensor, x.tensor, plan.weight(scale)});
}

void PhenakiAttentionLayer::apply(PlanBuilder& plan, const Sequence& x, const Sequence* context,
                                  const PhenakiInputs& inputs, TensorId result, TensorId residual) const {
    const uint32_t batch = x.batch, inner = a_.inner();
    // Without a context keys and values come from x as it is, not from its norm.
    Sequence source = x;
    if (context)
        source = contextNorm_ ? contextNorm_->apply(plan, "context_norm", *context) : *context;
    const Sequence normed = norm_.apply(plan, "norm", x);

    Sequence q{plan.activation("q", {batch, x.tokens, inner}), batch, x.tokens, inner};
    Sequence kv{noTensor, batch, a_.nullKeys + source.tokens, 2 * inner};
    kv.tensor = plan.activation("kv", {batch, kv.tokens, kv.width});
    toQ_.apply(plan, "to_q", batch, x.tokens, normed.tensor, q.tensor);
    LinearUse behindNulls;
    behindNulls.output.offset = a_.nullKeys * kv.width;
    behindNulls.output.batchStride = kv.tokens * kv.width;
    toKv_.apply(plan, "to_kv", batch, source.tokens, source.tensor, kv.tensor, behindNulls);
    if (nullKv_)
        addNullKeys(plan, kv);
    normalise(plan, "q_scale", q, qScale_);
    normalise(plan, "k_scale", kv, kScale_);

    AttentionDesc attention = describeAttention(plan, a_.heads, a_.dimHead, x.tokens, kv.tokens);
    attention.batch = batch;
    attention.scale = a_.scale;
    attention.k = AttentionView::tokens(kv.tokens, kv.width, a_.dimHead);
    attention.v = AttentionView::tokens(kv.tokens, kv.width, a_.dimHead, inner);
    attention.leadingKeys = a_.nullKeys;
    const TensorId attended = plan.activation("attention", {batch, x.tokens, inner});
    AttentionTensors tensors{.q = q.tensor, .k = kv.tensor, .v = kv.tensor, .out = attended};
    if (inputs.bias.tensor != noTensor) {
        attention.denseBias = true;
        attention.denseBiasStrides = inputs.bias.strides;
        tensors.denseBias = inputs.bias.tensor;
    }
    if (slopes_) {
        attention.alibi = true;
        attention.causal = true;
        attention.causalOffset = static_cast<int32_t>(kv.tokens) - static_cast<int32_t>(x.tokens);
        tensors.slopes = plan.weight(*slopes_);
    }
    if (inputs.mask.tensor != noTensor) {
        attention.keyMask = true;
        attention.keyMaskStride = inputs.mask.batchStride;
        tensors.keyMask = inputs.mask.tensor;
    }
    addAttention(plan, "attention", attention, tensors);
    LinearUse use;
    use.residual = residual;
    toOut_.apply(plan, "to_out", batch, x.tokens, attended, result, use);
}

PhenakiFeedForwardLayer::PhenakiFeedForwardLayer(WeightSet& weights, std::string_view prefix, uint32_t dim,
                                                 double multiple)
    : inner_(static_cast<uint32_t>(multiple * (2.0 / 3.0) * dim)), norm_(weights, prefix, "0.weight", "0.bias", dim),
      in_(weights, named(weights, prefix, "1"), dim, 2 * uint64_t{inner_}, withoutBias(ActivationKind::geglu)),
      out_(weights, named(weights, prefix, "4"), inner_, dim, withoutBias()) {}

void PhenakiFeedForwardLayer::apply(PlanBuilder& plan, const Sequence& x, TensorId result, TensorId residual) const {
    const Sequence normed = norm_.apply(plan, "feed forward norm", x);
    const TensorId gated = plan.activation("gated", {x.batch, x.tokens, inner_});
    in_.apply(plan, "feed forward in", x.batch, x.tokens, normed.tensor, gated);
    LinearUse use;
    use.residual = residual;
    out_.apply(plan, "feed forward out", x.batch, x.tokens, gated, result, use);
}

PegLayer::PegLayer(WeightSet& weights, std::string_view prefix, uint32_t dim, bool causal) {
    conv_.channels = conv_.outputs = conv_.groups = dim;
    conv_.kernel = {3, 3, 3};
    conv_.padding = {causal ? 2u : 1u, 1, 1};
    conv_.bias = true;
    const SourceId source = weights.source(named(weights, prefix, "dsconv.weight"), {dim, 1, 3, 3, 3});
    const auto pack = [](std::span<const std::span<const float>> values, std::span<const uint64_t> channels,
                         std::span<float> out) {
        ConvDesc desc;
        desc.channels = desc.outputs = desc.groups = static_cast<uint32_t>(channels[0]);
        desc.kernel = {3, 3, 3};
        packConvWeight(desc, values[0], out);
    };
    const uint64_t channels[] = {dim};
    weight_ = weights.pack("dsconv", {&source, 1}, convWeightElements(conv_), pack, channels, WeightPrecision::storage);
    bias_ = weights.raw(named(weights, prefix, "dsconv.bias"), {dim});
}

void PegLayer::apply(PlanBuilder& plan, const Sequence& x, const PegVideo& video, TensorId result,
                     bool addsSource) const {
    ConvDesc desc = conv_;
    desc.storage = plan.storage();
    desc.batch = video.batch;
    desc.size = desc.outSize = video.size;
    desc.hasResidual = addsSource;
    plan.graph().add("peg", conv(desc, plan.device()),
                     {x.tensor, plan.weight(weight_), plan.weight(bias_), x.tensor, result});
}

} // namespace saccade
