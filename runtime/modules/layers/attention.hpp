// SPDX-License-Identifier: Apache-2.0
// Attention in a module's graph: its description and operands by name, ALiBi's slopes, and the projections around it
// that several modules share.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/attention.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/plan_builder.hpp"
#include "modules/weights.hpp"

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

/// An attention of the plan's batch and type over tokens (batch, n, heads * headDim), heads side by side, with the
/// scale headDim^-0.5. Callers change what differs.
AttentionDesc describeAttention(const PlanBuilder& plan, uint32_t heads, uint32_t headDim, uint32_t queries,
                                uint32_t keys);

/// In the order of AttentionOperand.
std::array<TensorId, attentionOperandCount> operandsOf(const AttentionTensors& tensors);

void addAttention(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc,
                  const AttentionTensors& tensors);

/// The same with a position bias, of which only blocks are ever stored: dispatches that fill one take turns with
/// dispatches that attend with it, where the device can and the bias is exact. Nothing else may count queries: no
/// other bias, no mask, no pattern.
void addBiasedAttention(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc,
                        const AttentionTensors& tensors);

/// The score matrix at `stage` into tensors.out; tensors.v is not read. See attentionScoresKernel.
void addAttentionScores(PlanBuilder& plan, std::string_view label, const AttentionDesc& desc, AttentionStage stage,
                        float hidden, const AttentionTensors& tensors);

/// Declares ALiBi's slopes (Press et al., arXiv 2108.12409), as phenaki-pytorch computes them, as a weight of `heads`
/// floats that comes from no file. For a power of two n head i has 2^(-8 (i + 1) / n); else the slopes of the next
/// lower power of two, then every other one of twice that.
WeightId declareAlibiSlopes(WeightSet& weights, uint32_t heads);

/// The keys that readProjectionArguments reads.
namespace projection {
inline constexpr Key dim = Key::integer("dim", 1, 1 << 16, "channels of x");
inline constexpr Key heads = Key::integer("heads", 1, 1024, "attention heads");
inline constexpr Key dimHead = Key::integer("dim_head", 1, 256, "channels of a head").orElse(64);
} // namespace projection

struct ProjectionArguments {
    uint32_t dim = 0, heads = 0, dimHead = 64;

    uint32_t inner() const { return heads * dimHead; }
};

/// Reads dim, heads and dim_head.
ProjectionArguments readProjectionArguments(Config& config);

/// What the sparse attentions over feature maps and tokens share: to_q, to_k and to_v without bias, to_out with one.
/// Over a map all four are 1x1 convolutions.
class AttentionProjection {
public:
    /// `dims` axes of a map (b, dim, *spatial): weights (outputs, inputs, 1...). 0: tokens (b, n, dim), Linear layers.
    AttentionProjection(WeightSet& weights, const ProjectionArguments& arguments, uint32_t dims);

    /// Queries, keys and values, each (batch, tokens, inner), heads side by side.
    struct Projected {
        Shape shape; ///< of "x", and of "y"
        uint32_t tokens = 0;
        TensorId q = noTensor, k = noTensor, v = noTensor;
    };

    /// Checks input "x", sets the plan's batch and adds the three layers.
    Projected addQkv(PlanBuilder& plan) const;

    /// Where head and token lie in q, k, v and in what the attention writes.
    AttentionView view(const Projected& x) const { return AttentionView::tokens(x.tokens, a_.inner(), a_.dimHead); }
    /// dim_head^-0.5, of the scores.
    float scale() const;

    /// Adds an attention whose operands are q, k, v and out, and behind it to_out and output "y" of x's shape.
    void addAttention(PlanBuilder& plan, const Projected& x, const Kernel& kernel) const;

private:
    ChannelAxis channels() const { return dims_ ? ChannelAxis::second : ChannelAxis::last; }

    ProjectionArguments a_;
    uint32_t dims_;
    Linear toQ_, toK_, toV_, toOut_;
};

} // namespace saccade
