// SPDX-License-Identifier: Apache-2.0
// Dynamic sparse attention: each query attends to the keys that score highest with it, the k best or all within a
// threshold of the best, on maps (b, dim, *spatial) or on tokens (b, n, dim).
//
//   y = to_out(softmax over the keys kept of (to_q(x) to_k(x)^T / sqrt(dim_head)) to_v(x))
//
// With float16 storage the choice is made on q and k as they are stored, rounded to halves.
#include <cfloat>
#include <optional>

#include "base/error.hpp"
#include "kernels/sparse_attention.hpp"
#include "modules/layers/attention.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr const char* selections[] = {"topk", "threshold"};
constexpr Key configKeys[] = {
    projection::dim,
    projection::heads,
    projection::dimHead,
    Key::choice(
        "select", selections,
        "topk: keys that score at least as high as the k-th best; threshold: those within threshold of the best")
        .orElse(0),
    Key::integer("k", 1, INT32_MAX, "keys to keep, and all that tie with the last; required with select topk")
        .optional(),
    Key::number("threshold", 0, FLT_MAX, "largest distance from the best score; required with select threshold")
        .optional(),
};
constexpr TensorDescription inputs[] = {{"x", Presence::required, floatTypes, "(b, dim, *spatial) | (b, n, dim)",
                                         "feature map, where to_q.weight is (inner, dim, 1...), or tokens, where it is "
                                         "(inner, dim)"}};
constexpr TensorDescription outputs[] = {
    {"y", Presence::required, floatTypes, "(b, dim, *spatial) | (b, n, dim)", "attended map or tokens"}};
constexpr const char* limits[] = {
    "A map has one to three axes.",
    "With float16 storage keys are chosen by q and k rounded to halves.",
};

// Axes of the map that the weights are made for: 1x1 convolutions have as many behind (inner, dim); Linear has none.
uint32_t mapAxes(const WeightSet& weights) {
    const TensorShape* shape = weights.shapeOf("to_q.weight");
    const std::size_t rank = shape ? shape->size() : 0;
    return rank >= 3 && rank <= 5 ? static_cast<uint32_t>(rank - 2) : 0;
}

class DynamicSparseAttention final : public Module {
public:
    explicit DynamicSparseAttention(const ModuleSource& source);
    void build(PlanBuilder& plan) const override;

private:
    ProjectionArguments a_;
    AttentionProjection projection_;
    KeySelection select_;
    uint32_t k_ = 1;
    float threshold_ = 0;
};

// A configuration may hold the argument of the other selection, as one that lists all of them does.
DynamicSparseAttention::DynamicSparseAttention(const ModuleSource& source)
    : a_(readProjectionArguments(source.config)), projection_(source.weights, a_, mapAxes(source.weights)) {
    Config& config = source.config;
    select_ = config.choice("select") == 1 ? KeySelection::threshold : KeySelection::topK;
    const auto require = [&](const char* key) {
        if (!config.has(key))
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\" is missing, \"select\": \"%s\" needs it", key,
                        selections[select_ == KeySelection::threshold]);
    };
    require(select_ == KeySelection::topK ? "k" : "threshold");
    if (const std::optional<int64_t> k = config.optionalInteger("k"))
        k_ = static_cast<uint32_t>(*k);
    if (config.has("threshold"))
        threshold_ = static_cast<float>(config.number("threshold"));
}

void DynamicSparseAttention::build(PlanBuilder& plan) const {
    const AttentionProjection::Projected x = projection_.addQkv(plan);
    DynamicAttentionDesc desc;
    desc.storage = plan.storage();
    desc.batch = plan.batch();
    desc.heads = a_.heads;
    desc.tokens = x.tokens;
    desc.headDim = a_.dimHead;
    desc.scale = projection_.scale();
    desc.q = desc.k = desc.v = desc.out = projection_.view(x);
    desc.select = select_;
    desc.topK = k_;
    desc.threshold = threshold_;
    projection_.addAttention(plan, x, dynamicAttention(desc, plan.device()));
}

} // namespace

constexpr ModuleDescription dynamicSparseAttentionDescription{
    "Attention of each query to the keys that score highest with it.",
    "a widely copied tutorial, section 2",
    configKeys,
    {},
    inputs,
    outputs,
    limits};

ModulePtr makeDynamicSparseAttention(const ModuleSource& source) { return makeModule<DynamicSparseAttention>(source); }

} // namespace saccade
