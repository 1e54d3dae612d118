// What the sparse attentions over feature maps and tokens share: to_q, to_k and to_v without bias, to_out with one.
// Over a map all four are 1x1 convolutions.
#pragma once

#include <cstdint>

#include "io/config.hpp"
#include "kernels/attention.hpp"
#include "modules/linear.hpp"
#include "modules/plan_builder.hpp"

namespace saccade {

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

    /// Where head and token lie in q, k, v and in what addOutput takes.
    AttentionView view(const Projected& x) const { return AttentionView::tokens(x.tokens, a_.inner(), a_.dimHead); }
    /// dim_head^-0.5, of the scores.
    float scale() const;

    /// Adds output "y", of x's shape, from attended (batch, tokens, inner).
    void addOutput(PlanBuilder& plan, const Projected& x, TensorId attended) const;

private:
    ChannelAxis channels() const { return dims_ ? ChannelAxis::second : ChannelAxis::last; }

    ProjectionArguments a_;
    uint32_t dims_;
    Linear toQ_, toK_, toV_, toOut_;
};

} // namespace saccade
