// SPDX-License-Identifier: Apache-2.0
// Position biases as results of their own, as phenaki-pytorch has them: AlibiPositionalBias (Press et al., arXiv
// 2108.12409) and ContinuousPositionBias (Swin V2, arXiv 2111.09883); and CPB as deformable-attention has it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "base/error.hpp"
#include "kernels/dense_bias.hpp"
#include "modules/layers/attention.hpp"
#include "modules/layers/bias_network.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {

namespace {

constexpr Key alibiConfig[] = {
    Key::integer("heads", 1, 1024, "attention heads"),
    Key::integer("i", 0, 1 << 24, "queries; 0: option i says").orElse(0),
    Key::integer("j", 0, 1 << 24, "keys; 0: option j says").orElse(0),
};
constexpr Key alibiOptions[] = {
    Key::integer("i", 1, 1 << 24, "queries; absent: as configured").optional(),
    Key::integer("j", 1, 1 << 24, "keys; absent: as configured").optional(),
};
constexpr TensorDescription alibiOutputs[] = {
    {"bias", Presence::required, {DataType::f32}, "(heads, i, j)", "to be added to the scores"}};

constexpr Key continuousConfig[] = {
    Key::integer("dim", 1, 1 << 16, "channels of the network's hidden layers"),
    Key::integer("heads", 1, 1024, "attention heads"),
    Key::integer("num_dims", 1, maxGridAxes, "dimensions of a position").orElse(2),
    Key::boolean("log_dist", "the network sees distances on a logarithmic scale").orElse(true),
    Key::integer("layers", 1, 64, "hidden layers").orElse(2),
    Key::boolean("cache_rel_pos", "a cache of the same values").orElse(false),
    Key::integers("dimensions", {1, maxGridAxes}, 1, 1 << 16,
                  "num_dims sizes of the grid; absent: option dimensions says")
        .optional(),
};
constexpr Key continuousOptions[] = {
    Key::integers("dimensions", {1, maxGridAxes}, 1, 1 << 16, "num_dims sizes of the grid; absent: as configured")
        .optional()};
constexpr TensorDescription continuousOutputs[] = {{"bias",
                                                    Presence::required,
                                                    {DataType::f32},
                                                    "(heads, n, n)",
                                                    "to be added to the scores; n: product of dimensions"}};

// A number of the configuration that a plan's options may replace.
uint32_t forwardInteger(PlanBuilder& plan, std::string_view key, uint32_t configured) {
    const auto given = plan.options().optionalInteger(key);
    if (!given && !configured)
        throw Error(SAC_ERROR_INVALID_CONFIG, "info->options has no \"%.*s\", and neither has the configuration",
                    clip(key), key.data());
    return given ? static_cast<uint32_t>(*given) : configured;
}

class AlibiPositionalBias final : public Module {
public:
    explicit AlibiPositionalBias(const ModuleSource& source)
        : heads_(source.config.uint32("heads")), queries_(source.config.uint32("i")), keys_(source.config.uint32("j")),
          slopes_(declareAlibiSlopes(source.weights, heads_)) {}

    void build(PlanBuilder& plan) const override {
        PairBiasDesc desc;
        desc.heads = heads_;
        desc.queries = forwardInteger(plan, "i", queries_);
        desc.keys = forwardInteger(plan, "j", keys_);
        const TensorId bias = plan.outputBuffer("bias", DataType::f32, {heads_, desc.queries, desc.keys});
        plan.graph().add("alibi", pairBiasKernel(desc, plan.device()), {plan.weight(slopes_), bias});
    }

private:
    uint32_t heads_, queries_, keys_;
    WeightId slopes_;
};

// Empty where they are not given.
Config::Integers readDimensions(Config& config, const char* title, uint32_t dims) {
    const Config::Integers sizes = config.integers("dimensions");
    if (!sizes.empty() && sizes.size() != dims)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"dimensions\": %zu sizes where config \"num_dims\": %u are wanted",
                    title, sizes.size(), dims);
    return sizes;
}

constexpr uint64_t maxGridTokens = 1 << 16; // the bias, of all pairs, is beyond a tensor's 2^31 elements before that

// The network runs once per relative place, of which there are few, and the bias is looked up from its results.
class ContinuousPositionBias final : public Module {
public:
    explicit ContinuousPositionBias(const ModuleSource& source);
    void build(PlanBuilder& plan) const override;

private:
    GridSize size(PlanBuilder& plan) const;

    uint32_t dim_, heads_, dims_;
    bool logDistance_;
    Config::Integers dimensions_; ///< where the configuration has them
    std::pmr::vector<Linear> layers_;
};

ContinuousPositionBias::ContinuousPositionBias(const ModuleSource& source)
    : dim_(source.config.uint32("dim")), heads_(source.config.uint32("heads")), dims_(source.config.uint32("num_dims")),
      logDistance_(source.config.boolean("log_dist")), layers_(source.memory) {
    const auto layers = source.config.integer("layers");
    source.config.boolean("cache_rel_pos");
    dimensions_ = readDimensions(source.config, "config", dims_);
    for (int64_t i = 0; i <= layers; ++i) {
        char name[32];
        std::snprintf(name, sizeof(name), i < layers ? "net.%lld.0" : "net.%lld", wide(i));
        LinearOptions options;
        options.precision = WeightPrecision::float32;
        if (i < layers)
            options.activation = {ActivationKind::leakyRelu, 0.1f};
        layers_.emplace_back(source.weights, name, i ? dim_ : dims_, i < layers ? dim_ : heads_, options);
    }
}

GridSize ContinuousPositionBias::size(PlanBuilder& plan) const {
    Config::Integers dimensions = readDimensions(plan.options(), "option", dims_);
    if (dimensions.empty())
        dimensions = dimensions_;
    if (dimensions.empty())
        throw Error(SAC_ERROR_INVALID_CONFIG, "info->options has no \"dimensions\", and neither has the configuration");
    GridSize out{1, 1, 1, 1};
    uint64_t tokens = 1;
    for (uint32_t axis = 0; axis < dims_; ++axis) {
        out[maxGridAxes - dims_ + axis] = static_cast<uint32_t>(dimensions[axis]);
        tokens *= static_cast<uint64_t>(dimensions[axis]);
        if (tokens > maxGridTokens)
            throw Error(SAC_ERROR_UNSUPPORTED, "\"dimensions\": the grid has more than %llu places",
                        wide(maxGridTokens));
    }
    return out;
}

void ContinuousPositionBias::build(PlanBuilder& plan) const {
    const GridSize grid = size(plan);
    uint64_t tokens = 1;
    for (const uint32_t n : grid)
        tokens *= n;
    const uint64_t places = relativePlaces(grid);
    Graph& graph = plan.graph();
    TensorId rows = graph.intermediate("relative places", DataType::f32, {places, dims_});
    graph.add("relative places", relativePlacesKernel(dims_, grid, logDistance_, plan.device()), {rows});
    for (const Linear& layer : layers_) {
        const bool last = &layer == &layers_.back();
        const TensorId result = graph.intermediate("hidden", DataType::f32, {places, last ? heads_ : dim_});
        layer.apply(plan, "net", 1, places, rows, result);
        rows = result;
    }
    PairBiasDesc desc;
    desc.heads = heads_;
    desc.queries = desc.keys = static_cast<uint32_t>(tokens);
    desc.lookup = true;
    desc.size = grid;
    const TensorId bias = plan.outputBuffer("bias", DataType::f32, {heads_, tokens, tokens});
    graph.add("bias", pairBiasKernel(desc, plan.device()), {rows, bias});
}

constexpr Key cpbConfig[] = {
    Key::integer("dim", 1, 256, "channels of the network's hidden layers"),
    Key::integer("heads", 1, 1024, "attention heads"),
    Key::integer("offset_groups", 1, 1024, "groups of heads that share keys; divides heads"),
    Key::integer("depth", 1, 64, "hidden layers; there are kernels for 2"),
    Key::boolean("log_distance", "the network sees distances on a logarithmic scale").orElse(true),
};
constexpr TensorDescription cpbInputs[] = {
    {"grid_q",
     Presence::required,
     {DataType::f32},
     "(*queries, d) | (n)",
     "positions of queries; (n): in one dimension"},
    {"grid_kv",
     Presence::required,
     {DataType::f32},
     "(b * offset_groups, *keys, d) | (b * offset_groups, m)",
     "positions of keys for each group; (..., m): in one dimension"},
};
constexpr TensorDescription cpbOutputs[] = {
    {"bias", Presence::required, {DataType::f32}, "(b, heads, n, m)", "to be added to the scores"}};

constexpr const char* cpbLimits[] = {"depth is 2.", "dim is at most 256."};

struct CpbArguments {
    uint32_t dim, heads, groups;
    bool logDistance;

    explicit CpbArguments(Config& config)
        : dim(config.uint32("dim")), heads(config.uint32("heads")), groups(config.uint32("offset_groups")),
          logDistance(config.boolean("log_distance")) {
        if (const int64_t depth = config.integer("depth"); depth != 2)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "config \"depth\": %lld, the position bias network is there with 2 hidden layers",
                        static_cast<long long>(depth));
        if (heads % groups)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"heads\": %u is not divisible by \"offset_groups\": %u",
                        heads, groups);
    }
};

// Upstream has a class CPB for each number of dimensions; the first layer tells which it is.
uint32_t positionDims(const WeightSet& weights) {
    const TensorShape* shape = weights.shapeOf("mlp.0.0.weight");
    return shape && shape->size() == 2 && (*shape)[1] >= 1 && (*shape)[1] <= 3 ? static_cast<uint32_t>((*shape)[1]) : 2;
}

// Deformable attention's CPB: the bias between positions that are given, of queries and of each group's keys.
class Cpb final : public Module {
public:
    explicit Cpb(const ModuleSource& source)
        : a_(source.config),
          network_(source.weights, "", positionDims(source.weights), a_.dim, a_.heads / a_.groups, "dim") {}

    void build(PlanBuilder& plan) const override;

private:
    uint32_t positions(PlanBuilder& plan, std::string_view name, uint32_t leading) const;

    CpbArguments a_;
    BiasNetwork network_;
};

// How many positions an input has behind its `leading` dimensions. In one dimension they may come without channels.
uint32_t Cpb::positions(PlanBuilder& plan, std::string_view name, uint32_t leading) const {
    const Shape& shape = plan.inputShape(name, 0);
    const bool bare = network_.dims == 1 && shape.size() == leading + 1;
    if (!bare && shape.size() < leading + 2)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"%.*s\" has rank %zu, positions in %u dimensions have at least %u", clip(name), name.data(),
                    shape.size(), network_.dims, leading + 2);
    if (!bare)
        plan.expectDimension(name, static_cast<uint32_t>(shape.size() - 1), network_.dims,
                             "the inputs of \"mlp.0.0.weight\"");
    return static_cast<uint32_t>(elementCount(shape) / ((leading ? shape[0] : 1) * network_.dims));
}

void Cpb::build(PlanBuilder& plan) const {
    const uint32_t queries = positions(plan, "grid_q", 0), keys = positions(plan, "grid_kv", 1);
    const uint64_t entries = plan.inputShape("grid_kv", 0)[0];
    if (entries % a_.groups)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"grid_kv\": shape[0] is %llu, not divisible by config \"offset_groups\": %u", wide(entries),
                    a_.groups);
    plan.setBatch(entries / a_.groups);
    PositionBiasDesc desc;
    desc.mode = PositionBiasDesc::Mode::exact;
    desc.dims = network_.dims;
    desc.headsPerGroup = network_.outputs;
    desc.logDistance = a_.logDistance;
    desc.width = network_.width;
    desc.queriesGiven = true;
    const TensorId from = plan.inputBuffer("grid_q", DataType::f32), to = plan.inputBuffer("grid_kv", DataType::f32);
    const TensorId bias = plan.outputBuffer("bias", DataType::f32, {plan.batch(), a_.heads, queries, keys});
    plan.graph().add("bias", denseBiasKernel(desc, plan.batch(), a_.heads, queries, keys, plan.device()),
                     {plan.weight(network_.packed), bias, to, from});
}

} // namespace

constexpr ModuleDescription alibiPositionalBiasDescription{
    "Attention with linear biases: scores lose with distance, in each head by another slope.",
    "lucidrains/phenaki-pytorch; Press et al., arXiv 2108.12409",
    alibiConfig,
    alibiOptions,
    {},
    alibiOutputs,
    {}};
constexpr ModuleDescription continuousPositionBiasDescription{
    "A bias for each pair of positions of a grid, by a network of their distance.",
    "lucidrains/phenaki-pytorch; Liu et al., Swin Transformer V2, arXiv 2111.09883",
    continuousConfig,
    continuousOptions,
    {},
    continuousOutputs,
    {}};

constexpr ModuleDescription cpbDescription{
    "Deformable attention's position bias between positions that are given.",
    "lucidrains/deformable-attention; Liu et al., Swin Transformer V2, arXiv 2111.09883",
    cpbConfig,
    {},
    cpbInputs,
    cpbOutputs,
    cpbLimits};

ModulePtr makeAlibiPositionalBias(const ModuleSource& source) { return makeModule<AlibiPositionalBias>(source); }
ModulePtr makeContinuousPositionBias(const ModuleSource& source) { return makeModule<ContinuousPositionBias>(source); }
ModulePtr makeCpb(const ModuleSource& source) { return makeModule<Cpb>(source); }

} // namespace saccade
