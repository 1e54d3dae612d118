// Attention in a module's graph, its operands by name.
#pragma once

#include <string_view>

#include "kernels/attention.hpp"
#include "modules/plan_builder.hpp"

namespace saccade {

/// Operands of AttentionDesc: q, k, v and out always, the others where the description says so.
struct AttentionTensors {
    TensorId q = noTensor, k = noTensor, v = noTensor, out = noTensor;
    TensorId positions = noTensor; ///< of keys
    TensorId positionBias = noTensor;
    TensorId denseBias = noTensor, slopes = noTensor;
    TensorId keyMask = noTensor, staticMask = noTensor;
    TensorId layout = noTensor, lengths = noTensor;
};

void addAttention(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc,
                  const AttentionTensors& tensors);

/// The score matrix at `stage` into tensors.out; tensors.v is not read. See attentionScoresKernel.
void addAttentionScores(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc, AttentionStage stage,
                        float hidden, const AttentionTensors& tensors);

} // namespace saccade
