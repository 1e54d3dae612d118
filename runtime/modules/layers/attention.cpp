// SPDX-License-Identifier: Apache-2.0
#include "modules/layers/attention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/position_bias.hpp"

namespace saccade {

std::array<TensorId, attentionOperandCount> operandsOf(const AttentionTensors& t) {
    return {t.q,         t.k,      t.v,       t.out,        t.positions, t.positionBias,
            t.denseBias, t.slopes, t.keyMask, t.staticMask, t.layout,    t.lengths};
}

AttentionDesc describeAttention(const PlanBuilder& plan, uint32_t heads, uint32_t headDim, uint32_t queries,
                                uint32_t keys) {
    const uint32_t width = heads * headDim;
    AttentionDesc desc;
    desc.half = plan.half();
    desc.batch = plan.batch();
    desc.heads = desc.kvHeads = heads;
    desc.queries = queries;
    desc.keys = keys;
    desc.headDim = desc.valueDim = headDim;
    desc.scale = 1.0f / std::sqrt(static_cast<float>(headDim));
    desc.q = desc.out = AttentionView::tokens(queries, width, headDim);
    desc.k = desc.v = AttentionView::tokens(keys, width, headDim);
    return desc;
}

void addAttention(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc,
                  const AttentionTensors& tensors) {
    plan.graph().add(label, attentionKernel(desc, plan.device()), operandsOf(tensors));
}

namespace {

// Of the bias of a block, where a row of queries does not take more.
constexpr uint64_t biasBlockBytes = 16u << 20;

uint32_t queriesOfBlock(const AttentionDesc& desc) {
    const uint32_t row = biasRowLength(desc.positionBias), rows = divideUp(desc.queries, row);
    const uint64_t rowBytes = sizeof(float) * desc.batch * desc.heads * desc.keys * uint64_t{row};
    const uint32_t most = static_cast<uint32_t>(std::clamp<uint64_t>(biasBlockBytes / rowBytes, 1, rows));
    return row * divideUp(rows, divideUp(rows, most)); // blocks of one size share their pipelines
}

} // namespace

void addBiasedAttention(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc,
                        const AttentionTensors& tensors) {
    if (desc.positionBias.mode != PositionBiasDesc::Mode::exact || !biasCanWalk(plan.device())) {
        addAttention(plan, label, desc, tensors);
        return;
    }
    const uint32_t most = queriesOfBlock(desc);
    for (uint32_t first = 0; first < desc.queries; first += most) {
        const uint32_t count = std::min(most, desc.queries - first);
        const TensorId bias =
            plan.graph().intermediate("position bias", DataType::f32, {desc.batch, desc.heads, desc.keys, count});
        const BiasBlock block{desc.batch, desc.heads, first, count, desc.keys};
        plan.graph().add("position bias", biasWalkKernel(desc.positionBias, block, plan.device()),
                         {tensors.positionBias, bias, tensors.positions});
        AttentionDesc part = desc;
        part.positionBias = {};
        part.queries = count;
        part.q.offset += first * desc.q.tokenStride;
        part.out.offset += first * desc.out.tokenStride;
        part.denseBias = true;
        part.denseBiasStrides = {desc.heads * desc.keys * count, desc.keys * count, 1, count};
        AttentionTensors operands = tensors;
        operands.positions = operands.positionBias = noTensor;
        operands.denseBias = bias;
        addAttention(plan, label, part, operands);
    }
}

void addAttentionScores(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc, AttentionStage stage,
                        float hidden, const AttentionTensors& tensors) {
    plan.graph().add(label, attentionScoresKernel(desc, stage, hidden), operandsOf(tensors));
}

WeightId declareAlibiSlopes(WeightSet& weights, uint32_t heads) {
    const auto pack = [](std::span<const std::span<const float>>, std::span<const uint64_t>, std::span<float> out) {
        // Head i of n, n a power of two, has 2^(-8 (i + 1) / n).
        const auto slope = [](size_t i, size_t n) {
            return static_cast<float>(std::exp2(-8.0 * static_cast<double>(i + 1) / static_cast<double>(n)));
        };
        const size_t power = std::bit_floor(out.size());
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = i < power ? slope(i, power) : slope(2 * (i - power), 2 * power);
    };
    return weights.pack("alibi slopes", {}, heads, pack, {}, WeightPrecision::float32);
}

ProjectionArguments readProjectionArguments(Config& config) {
    ProjectionArguments a;
    a.dim = config.uint32("dim");
    a.heads = config.uint32("heads");
    a.dimHead = config.uint32("dim_head");
    return a;
}

AttentionProjection::AttentionProjection(WeightSet& weights, const ProjectionArguments& a, uint32_t dims)
    : a_(a), dims_(dims), toQ_(weights, "to_q", a.dim, a.inner(), pointwise(dims, false)),
      toK_(weights, "to_k", a.dim, a.inner(), pointwise(dims, false)),
      toV_(weights, "to_v", a.dim, a.inner(), pointwise(dims, false)),
      toOut_(weights, "to_out", a.inner(), a.dim, pointwise(dims, true)) {}

AttentionProjection::Projected AttentionProjection::addQkv(PlanBuilder& plan) const {
    Projected x;
    x.shape = plan.inputShape("x", dims_ ? dims_ + 2 : 3);
    plan.expectDimension("x", dims_ ? 1 : 2, a_.dim, "config \"dim\"");
    plan.setBatch(x.shape[0]);
    x.tokens = static_cast<uint32_t>(elementCount(x.shape) / (x.shape[0] * a_.dim));
    const TensorId tokens = plan.inputTokens("x", channels());
    const auto project = [&](const char* label, const char* name, const Linear& layer) {
        const TensorId result = plan.activation(name, {plan.batch(), x.tokens, a_.inner()});
        layer.apply(plan, label, plan.batch(), x.tokens, tokens, result);
        return result;
    };
    x.q = project("to_q", "q", toQ_);
    x.k = project("to_k", "k", toK_);
    x.v = project("to_v", "v", toV_);
    return x;
}

float AttentionProjection::scale() const { return 1.0f / std::sqrt(static_cast<float>(a_.dimHead)); }

void AttentionProjection::addAttention(PlanBuilder& plan, const Projected& x, const Kernel& kernel) const {
    const TensorId attended = plan.activation("attention", {plan.batch(), x.tokens, a_.inner()});
    plan.graph().add("attention", kernel, {x.q, x.k, x.v, attended});
    const OutputTarget y = plan.beginOutput("y", x.shape, channels(), true);
    LinearUse use;
    use.output.channelMajor = y.channelMajor;
    toOut_.apply(plan, "to_out", plan.batch(), x.tokens, attended, y.tensor, use);
    plan.endOutput(y);
}

} // namespace saccade
