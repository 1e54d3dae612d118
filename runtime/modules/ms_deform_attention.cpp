// SPDX-License-Identifier: Apache-2.0
// Multi-scale deformable attention (Zhu et al., arXiv 2010.04159), as published in fundamentalvision/Deformable-DETR:
// every query reads a few points of every level, at a cost that does not depend on the levels' sizes.
//
//   value = value_proj(x), zeros where padded
//   y = output_proj(sum over levels and points of softmax(attention_weights(query)) * value at the sampling locations)
#include "base/error.hpp"
#include "kernels/sampling.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr Key configKeys[] = {
    Key::integer("d_model", 1, 1 << 16, "channels of query and x").orElse(256),
    Key::integer("n_levels", 1, maxSampledLevels, "feature maps of different sizes").orElse(4),
    Key::integer("n_heads", 1, 1024, "attention heads").orElse(8),
    Key::integer("n_points", 1, 1024, "points that a head samples in each level").orElse(4),
};
constexpr TensorDescription inputs[] = {
    {"query", Presence::required, floatTypes, "(b, q, d_model)", "what asks"},
    {"reference_points", Presence::required, floatTypes, "(b, q, n_levels, 2) | (b, q, n_levels, 4)",
     "in [0, 1]: points (x, y), or boxes (x, y, width, height)"},
    {"x", Presence::required, floatTypes, "(b, n, d_model)",
     "input_flatten: pixels of the levels, one level after another, rows first"},
    {"spatial_shapes",
     Presence::host,
     {DataType::i32, DataType::i64},
     "(n_levels, 2)",
     "height and width of each level; n in total"},
    {"level_start_index",
     Presence::optionalHost,
     {DataType::i32, DataType::i64},
     "(n_levels)",
     "where each level begins in x, as follows from spatial_shapes"},
    {"padding_mask",
     Presence::optional,
     {DataType::boolean},
     "(b, n)",
     "input_padding_mask: true where x is padding, whose value counts as zero"},
};
constexpr TensorDescription outputs[] = {
    {"y", Presence::required, floatTypes, "(b, q, d_model)", "attended queries"},
    {"sampling_locations",
     Presence::optional,
     {DataType::f32},
     "(b, q, n_heads, n_levels, n_points, 2)",
     "where each point was sampled, (x, y) in [0, 1] of its level"},
};
constexpr const char* limits[] = {"n_heads divides d_model.", "A level's height and width are at most 65535."};

struct Arguments {
    uint32_t model = 256, levels = 4, heads = 8, points = 4;

    explicit Arguments(Config& config) {
        model = config.uint32("d_model");
        levels = config.uint32("n_levels");
        heads = config.uint32("n_heads");
        points = config.uint32("n_points");
        if (model % heads)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"d_model\": %u is not divisible by \"n_heads\": %u", model,
                        heads);
    }
    uint32_t samples() const { return heads * levels * points; }
};

class MSDeformAttention final : public Module {
public:
    explicit MSDeformAttention(const ModuleSource& source)
        : MSDeformAttention(Arguments(source.config), source.weights) {}

    void build(PlanBuilder& plan) const override;

private:
    MSDeformAttention(const Arguments& a, WeightSet& weights)
        : a_(a), offsets_(weights, "sampling_offsets", a.model, a.samples() * 2, {}),
          weights_(weights, "attention_weights", a.model, a.samples(), {}),
          value_(weights, "value_proj", a.model, a.model, {}), output_(weights, "output_proj", a.model, a.model, {}) {}

    void readLevels(PlanBuilder& plan, MSDeformDesc& desc, uint64_t tokens) const;

    Arguments a_;
    Linear offsets_, weights_, value_, output_;
};

void MSDeformAttention::readLevels(PlanBuilder& plan, MSDeformDesc& desc, uint64_t tokens) const {
    plan.inputShape("spatial_shapes", 2);
    plan.expectDimension("spatial_shapes", 0, a_.levels, "config \"n_levels\"");
    plan.expectDimension("spatial_shapes", 1, 2, "height and width");
    const auto sizes = plan.inputHostIntegers("spatial_shapes");
    std::pmr::vector<int64_t> starts(plan.memory());
    if (plan.hasInput("level_start_index")) {
        plan.inputShape("level_start_index", 1);
        plan.expectDimension("level_start_index", 0, a_.levels, "config \"n_levels\"");
        starts = plan.inputHostIntegers("level_start_index");
    }
    uint64_t sum = 0;
    for (uint32_t level = 0; level < a_.levels; ++level) {
        const int64_t height = sizes[2 * level], width = sizes[2 * level + 1];
        for (const int64_t size : {height, width})
            if (size < 1 || size > static_cast<int64_t>(maxLevelSize))
                throw Error(SAC_ERROR_INVALID_ARGUMENT,
                            "input \"spatial_shapes\": level %u is %lld x %lld, sizes are in 1..%u", level,
                            wide(height), wide(width), maxLevelSize);
        // Upstream takes both; one follows from the other.
        if (!starts.empty() && starts[level] != static_cast<int64_t>(sum))
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "input \"level_start_index\": level %u begins at %lld, after the levels of "
                        "\"spatial_shapes\" before it stand %llu tokens",
                        level, wide(starts[level]), wide(sum));
        desc.levels.push_back({static_cast<uint32_t>(height), static_cast<uint32_t>(width)});
        sum += static_cast<uint64_t>(height) * static_cast<uint64_t>(width);
    }
    if (sum != tokens)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"spatial_shapes\": the levels have %llu pixels, input \"x\" has %llu tokens", wide(sum),
                    wide(tokens));
}

void MSDeformAttention::build(PlanBuilder& plan) const {
    const Shape query = plan.inputShape("query", 3), x = plan.inputShape("x", 3);
    plan.expectDimension("query", 2, a_.model, "config \"d_model\"");
    plan.expectDimension("x", 0, query[0], "the batch of \"query\"");
    plan.expectDimension("x", 2, a_.model, "config \"d_model\"");
    const Shape references = plan.inputShape("reference_points", 4);
    plan.expectDimension("reference_points", 0, query[0], "the batch of \"query\"");
    plan.expectDimension("reference_points", 1, query[1], "the queries of \"query\"");
    plan.expectDimension("reference_points", 2, a_.levels, "config \"n_levels\"");
    if (references[3] != 2 && references[3] != 4)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"reference_points\": shape[3] is %llu, it must be 2 (points) or 4 (boxes)",
                    wide(references[3]));
    plan.setBatch(query[0]);

    MSDeformDesc desc;
    desc.storage = plan.storage();
    desc.batch = plan.batch();
    desc.queries = static_cast<uint32_t>(query[1]);
    desc.heads = a_.heads;
    desc.headDim = a_.model / a_.heads;
    desc.points = a_.points;
    desc.boxes = references[3] == 4;
    desc.padded = plan.hasInput("padding_mask");
    readLevels(plan, desc, x[1]);
    if (desc.padded) {
        plan.inputShape("padding_mask", 2);
        plan.expectDimension("padding_mask", 0, query[0], "the batch of \"query\"");
        plan.expectDimension("padding_mask", 1, x[1], "the tokens of \"x\"");
    }

    const uint32_t batch = desc.batch, queries = desc.queries;
    const TensorId queryTokens = plan.inputTokens("query", ChannelAxis::last);
    const TensorId tokens = plan.inputTokens("x", ChannelAxis::last);
    const TensorId places = plan.inputFloats("reference_points");
    const TensorId padding = desc.padded ? plan.inputBuffer("padding_mask", DataType::boolean) : noTensor;
    const TensorId value = plan.activation("value", {batch, x[1], a_.model});
    const TensorId offsets = plan.activation("offsets", {batch, queries, a_.samples() * 2});
    const TensorId logits = plan.activation("logits", {batch, queries, a_.samples()});
    const TensorId gathered = plan.activation("gathered", {batch, queries, a_.model});
    value_.apply(plan, "value_proj", batch, x[1], tokens, value);
    offsets_.apply(plan, "sampling_offsets", batch, queries, queryTokens, offsets);
    weights_.apply(plan, "attention_weights", batch, queries, queryTokens, logits);

    TensorId locations = noTensor;
    desc.locations = plan.wantsOutput("sampling_locations");
    if (desc.locations)
        locations =
            plan.outputBuffer("sampling_locations", DataType::f32, {batch, queries, a_.heads, a_.levels, a_.points, 2});
    plan.graph().add("multi-scale sampling", msDeform(desc, plan.device()),
                     {value, offsets, logits, places, gathered, locations, padding});
    if (!plan.wantsOutput("y"))
        return;
    const OutputTarget y = plan.beginOutput("y", query, ChannelAxis::last, false);
    output_.apply(plan, "output_proj", batch, queries, gathered, y.tensor);
    plan.endOutput(y);
}

} // namespace

constexpr ModuleDescription msDeformAttentionDescription{
    "Attention of queries to a few sampled points of feature maps of several sizes.",
    "fundamentalvision/Deformable-DETR; Zhu et al., arXiv 2010.04159",
    configKeys,
    {},
    inputs,
    outputs,
    limits};

ModulePtr makeMSDeformAttention(const ModuleSource& source) { return makeModule<MSDeformAttention>(source); }

} // namespace saccade
