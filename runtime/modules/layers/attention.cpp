#include "modules/layers/attention.hpp"

namespace saccade {
namespace {

// In the order of AttentionOperand.
std::array<TensorId, attentionOperandCount> numbered(const AttentionTensors& t) {
    return {t.q,         t.k,      t.v,       t.out,        t.positions, t.positionBias,
            t.denseBias, t.slopes, t.keyMask, t.staticMask, t.layout,    t.lengths};
}

} // namespace

void addAttention(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc,
                  const AttentionTensors& tensors) {
    plan.graph().add(label, attentionKernel(desc, plan.device()), numbered(tensors));
}

void addAttentionScores(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc, AttentionStage stage,
                        float hidden, const AttentionTensors& tensors) {
    plan.graph().add(label, attentionScoresKernel(desc, stage, hidden), numbered(tensors));
}

} // namespace saccade
