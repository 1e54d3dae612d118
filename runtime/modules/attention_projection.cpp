#include "modules/attention_projection.hpp"

#include <cmath>

namespace saccade {
namespace {

LinearOptions pointwise(uint32_t dims, bool bias) {
    LinearOptions options;
    options.bias = bias;
    options.kernelRank = dims;
    return options;
}

} // namespace

ProjectionArguments readProjectionArguments(Config& config) {
    ProjectionArguments a;
    a.dim = static_cast<uint32_t>(config.integer("dim"));
    a.heads = static_cast<uint32_t>(config.integer("heads"));
    a.dimHead = static_cast<uint32_t>(config.integer("dim_head"));
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

void AttentionProjection::addOutput(PlanBuilder& plan, const Projected& x, TensorId attended) const {
    const OutputTarget y = plan.beginOutput("y", x.shape, channels(), true);
    LinearUse use;
    use.output.channelMajor = y.channelMajor;
    toOut_.apply(plan, "to_out", plan.batch(), x.tokens, attended, y.tensor, use);
    plan.endOutput(y);
}

} // namespace saccade
