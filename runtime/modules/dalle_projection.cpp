// SPDX-License-Identifier: Apache-2.0
#include "modules/dalle_projection.hpp"

#include "base/error.hpp"
#include "kernels/rows.hpp"
#include "modules/layers/attention.hpp"

namespace saccade {

DalleArguments readDalleArguments(Config& config) {
    DalleArguments a;
    a.dim = config.uint32("dim");
    a.sequence = config.uint32("seq_len");
    a.heads = config.uint32("heads");
    a.dimHead = config.uint32("dim_head");
    a.causal = config.boolean("causal");
    config.number("dropout");
    config.boolean("stable");
    return a;
}

DalleProjection::DalleProjection(WeightSet& weights, const DalleArguments& a)
    : a_(a), toQkv_(weights, "to_qkv", a.dim, 3 * uint64_t{a.inner()}, withoutBias()),
      toOut_(weights, "to_out.0", a.inner(), a.dim, {}) {}

uint32_t dalleTokens(PlanBuilder& plan, const DalleArguments& a) {
    const Shape& x = plan.inputShape("x", 3);
    plan.expectDimension("x", 2, a.dim, "config \"dim\"");
    plan.setBatch(x[0]);
    return static_cast<uint32_t>(x[1]);
}

TensorId DalleProjection::addQkv(PlanBuilder& plan, uint32_t rows, const DalleCache& cache) const {
    const uint32_t tokens = static_cast<uint32_t>(plan.inputShape("x", 3)[1]), width = 3 * a_.inner();
    const TensorId x = plan.inputTokens("x", ChannelAxis::last);
    const TensorId qkv = plan.activation("qkv", {plan.batch(), rows, width});
    LinearUse use;
    use.output.batchStride = rows * width;
    toQkv_.apply(plan, "to_qkv", plan.batch(), tokens, x, qkv, use);
    if (plan.hasInput("rotary_pos_emb"))
        addRotary(plan, qkv, tokens, rows, cache);
    return qkv;
}

// Upstream multiplies the table with queries of (b, heads, n, dim_head), so it broadcasts to (b, 1, n, features); one
// position, or one that the batch shares, serves all. A table for each head is not supported.
DalleProjection::RotaryTable DalleProjection::readRotary(PlanBuilder& plan) const {
    const Shape& shape = plan.inputShape("rotary_pos_emb", 0);
    const size_t rank = shape.size();
    const bool fits = rank == 2 || (rank == 3 && shape[0] == 1) ||
                      (rank == 4 && (shape[0] == 1 || shape[0] == plan.batch()) && shape[1] == 1);
    if (!fits)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"rotary_pos_emb\" has rank %zu and shape[0] %llu, it must be (n, features), "
                    "(1, n, features), or (b, 1, n, features) with b 1 or the batch of \"x\": %u",
                    rank, wide(shape[0]), plan.batch());
    const uint64_t features = shape[rank - 1];
    if (features % 2 || features > a_.dimHead)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"rotary_pos_emb\": shape[%zu] is %llu, it must be even and at most config \"dim_head\": %u",
                    rank - 1, wide(features), a_.dimHead);
    return {static_cast<uint32_t>(shape[rank - 2]), static_cast<uint32_t>(features), rank == 4 && shape[0] > 1};
}

// Queries, keys and values of all heads lie side by side, so they rotate as 3 * heads heads.
void DalleProjection::addRotary(PlanBuilder& plan, TensorId qkv, uint32_t tokens, uint32_t rows,
                                const DalleCache& cache) const {
    const RotaryTable table = readRotary(plan);
    const uint32_t positions = cache.length ? cache.length : tokens;
    if (table.positions < positions && (cache.length || table.positions != 1))
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"rotary_pos_emb\" has %u positions, it must have at least %u: the %s", table.positions,
                    positions, cache.length ? "option \"cache_length\"" : "tokens of input \"x\"");
    RotaryDesc desc;
    desc.storage = plan.storage();
    desc.batch = plan.batch();
    desc.heads = 3 * a_.heads;
    desc.tokens = tokens;
    desc.channels = a_.dimHead;
    desc.rotated = table.features;
    desc.source = desc.result = AttentionView::tokens(rows, 3 * a_.inner(), a_.dimHead);
    desc.tablePositions = table.positions;
    desc.tablePerBatch = table.perBatch;
    desc.shifted = cache.length != 0;
    desc.largestShift = static_cast<int32_t>(positions - tokens);
    FixedVector<TensorId, 4> operands{qkv, qkv, plan.inputBuffer("rotary_pos_emb", DataType::f32)};
    if (desc.shifted)
        operands.push_back(cache.offset);
    plan.graph().add("rotary", rotaryKernel(desc, plan.device()), operands);
}

AttentionDesc DalleProjection::describe(const PlanBuilder& plan, uint32_t tokens, uint32_t rows) const {
    AttentionDesc desc = describeAttention(plan, a_.heads, a_.dimHead, tokens, tokens);
    const uint32_t inner = a_.inner();
    desc.q = AttentionView::tokens(rows, 3 * inner, a_.dimHead);
    desc.k = AttentionView::tokens(rows, 3 * inner, a_.dimHead, inner);
    desc.v = AttentionView::tokens(rows, 3 * inner, a_.dimHead, 2 * inner);
    return desc;
}

void DalleProjection::addOutput(PlanBuilder& plan, std::string_view name, TensorId attended, uint32_t tokens) const {
    const OutputTarget y = plan.beginOutput(name, {plan.batch(), tokens, a_.dim}, ChannelAxis::last, false);
    toOut_.apply(plan, "to_out", plan.batch(), tokens, attended, y.tensor);
    plan.endOutput(y);
}

} // namespace saccade
