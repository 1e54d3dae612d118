// SPDX-License-Identifier: Apache-2.0
// Deformable attention in one, two and three dimensions (Xia et al., arXiv 2201.00520), as published in
// lucidrains/deformable-attention: a few keys, moved to where the queries ask for, seen by all queries.
//
//   q = to_q(x)                                   1x1 convolution
//   vgrid = index grid + s * tanh(conv(gelu(depthwise(q))))
//   k, v = to_k(sampled), to_v(sampled)           x sampled at vgrid, per offset group
//   y = to_out(softmax(q k^T / sqrt(d) + cpb(query grid - vgrid)) v)
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "base/error.hpp"
#include "kernels/attention.hpp"
#include "kernels/offset_network.hpp"
#include "kernels/position_bias.hpp"
#include "kernels/sampling.hpp"
#include "modules/layers/attention.hpp"
#include "modules/layers/bias_network.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr const char* axisOrders[] = {"reference", "xyz"};
constexpr const char* samplings[] = {"sequence", "listing"};
constexpr const char* downsampleMeaning = "r, the stride of the convolution that makes offsets: an axis has about r "
                                          "times fewer keys than queries";

constexpr Key dimKey = Key::integer("dim", 1, 1 << 16, "channels of x");
constexpr Key headsKey = Key::integer("heads", 1, 1024, "attention heads").orElse(8);
constexpr Key dimHeadKey = Key::integer("dim_head", 1, 256, "channels of a head").orElse(64);
constexpr Key groupsKey =
    Key::integer("offset_groups", 1, 1024, "groups of heads that share keys; absent: heads").optional();
constexpr Key dropoutKey = Key::number("dropout", 0, 1, "identity at inference").orElse(0);
constexpr Key downsampleKey = Key::integer("downsample_factor", 1, 1024, downsampleMeaning).orElse(4);
constexpr Key kernelKey =
    Key::integer("offset_kernel_size", 1, 1024, "of that convolution: r, or more by an even number").orElse(6);
constexpr Key scaleKey =
    Key::number("offset_scale", -1e4, 1e4, "cells of the keys' grid that a key may move by; absent: downsample_factor")
        .optional();
constexpr Key groupQueriesKey = Key::boolean("group_queries", "to_q is grouped, by offset_groups").orElse(true);
constexpr Key groupKeyValuesKey =
    Key::boolean("group_key_values", "to_k and to_v are grouped, by offset_groups").orElse(true);
constexpr Key axisOrderKey =
    Key::choice("axis_order", axisOrders,
                "reference: axes as upstream computes them, for its checkpoints; xyz: as meant")
        .orElse(0);

constexpr Key config1D[] = {
    dimKey,
    headsKey,
    dimHeadKey,
    groupsKey,
    dropoutKey,
    downsampleKey,
    kernelKey,
    scaleKey,
    groupQueriesKey,
    groupKeyValuesKey,
    axisOrderKey,
    Key::boolean("cpb_log_distance", "the position bias sees distances on a logarithmic scale").orElse(true),
    Key::choice("sampling", samplings,
                "sequence: x is sampled along itself; listing: as a column image, along its width")
        .orElse(0),
};
constexpr Key config2D[] = {dimKey,    headsKey, dimHeadKey,      groupsKey,         dropoutKey,  downsampleKey,
                            kernelKey, scaleKey, groupQueriesKey, groupKeyValuesKey, axisOrderKey};
constexpr Key config3D[] = {
    dimKey,
    headsKey,
    dimHeadKey,
    groupsKey,
    dropoutKey,
    Key::integers("downsample_factor", {3, 3}, 1, 1024, downsampleMeaning).orOneNumber().orElse(4),
    Key::integers("offset_kernel_size", {3, 3}, 1, 1024, "of that convolution: more than r, by an even number")
        .orOneNumber()
        .orElse(6),
    Key::ignored("offset_scale", "the checkpoint has it, as to_offsets.4.scale"),
    groupQueriesKey,
    groupKeyValuesKey,
    axisOrderKey,
};

constexpr TensorDescription inputs1D[] = {{"x", Presence::required, floatTypes, "(b, dim, n)", "feature map"}};
constexpr TensorDescription inputs2D[] = {{"x", Presence::required, floatTypes, "(b, dim, h, w)", "feature map"}};
constexpr TensorDescription inputs3D[] = {{"x", Presence::required, floatTypes, "(b, dim, f, h, w)", "feature map"}};

constexpr const char* resultMeaning = "attended feature map";
constexpr const char* gridMeaning = "where each key was sampled, in [-1, 1] where that is inside";
constexpr const char* mapMeaning = "the softmax; quadratic in memory, and of SAC_PRECISION_FLOAT32 plans only";
constexpr TensorDescription outputs1D[] = {
    {"y", Presence::required, floatTypes, "(b, dim, n)", resultMeaning},
    {"vgrid", Presence::optional, {DataType::f32}, "(b * offset_groups, m)", gridMeaning},
    {"attention", Presence::optional, {DataType::f32}, "(b, heads, n, m)", mapMeaning},
};
constexpr TensorDescription outputs2D[] = {
    {"y", Presence::required, floatTypes, "(b, dim, h, w)", resultMeaning},
    {"vgrid", Presence::optional, {DataType::f32}, "(b * offset_groups, 2, hk, wk)", gridMeaning},
    {"attention", Presence::optional, {DataType::f32}, "(b, heads, h * w, hk * wk)", mapMeaning},
};
constexpr TensorDescription outputs3D[] = {
    {"y", Presence::required, floatTypes, "(b, dim, f, h, w)", resultMeaning},
    {"vgrid", Presence::optional, {DataType::f32}, "(b * offset_groups, 3, fk, hk, wk)", gridMeaning},
    {"attention", Presence::optional, {DataType::f32}, "(b, heads, f * h * w, fk * hk * wk)", mapMeaning},
};
constexpr const char* limits[] = {
    "offset_groups divides heads and dim.",
    "dim is at most 1027: the position bias network has dim / 4 units, at most 256.",
    "Padded by (offset_kernel_size - r) / 2 at both ends, an axis of x is at least offset_kernel_size long; then it "
    "has "
    "(n + 2 * padding - offset_kernel_size) / r + 1 keys, rounded down.",
};

struct Arguments {
    uint32_t dims = 2;
    uint32_t dim = 0, heads = 0, dimHead = 0, groups = 0;
    std::array<uint32_t, 3> downsample{1, 1, 1}, kernel{1, 1, 1};
    std::array<float, 3> scale{1, 1, 1};
    bool groupQueries = true, groupKeyValues = true, logDistance = true;
    bool xyz = false;          ///< axis_order "xyz": as meant; else "reference": as upstream computes
    bool legacyLayout = false; ///< 1D, sampling "listing": a column image sampled along x

    uint32_t inner() const { return heads * dimHead; }
    uint32_t groupChannels() const { return inner() / groups; }
    uint32_t padding(uint32_t axis) const { return (kernel[axis] - downsample[axis]) / 2; }
};

// One value for all axes, or in 3D a list of three.
std::array<uint32_t, 3> perAxis(Config& config, std::string_view key, uint32_t dims) {
    std::array<uint32_t, 3> out{1, 1, 1};
    Config::Integers values;
    if (dims == 3)
        values = config.integers(key);
    else
        values.resize(dims, config.integer(key));
    for (uint32_t i = 0; i < dims; ++i)
        out[i] = static_cast<uint32_t>(values[i]);
    return out;
}

void checkKernel(const Arguments& a) {
    for (uint32_t axis = 0; axis < a.dims; ++axis) {
        const uint32_t k = a.kernel[axis], r = a.downsample[axis];
        if (k < r)
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config \"offset_kernel_size\": %u is less than \"downsample_factor\": %u", k, r);
        if ((k - r) % 2)
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config \"offset_kernel_size\": %u minus \"downsample_factor\": %u must be even", k, r);
        if (a.dims == 3 && k == r)
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config \"offset_kernel_size\": %u must be greater than \"downsample_factor\": %u in 3D", k, r);
    }
}

Arguments readArguments(uint32_t dims, Config& config) {
    Arguments a;
    a.dims = dims;
    a.dim = config.uint32("dim");
    a.heads = config.uint32("heads");
    a.dimHead = config.uint32("dim_head");
    a.groups = static_cast<uint32_t>(config.optionalInteger("offset_groups").value_or(a.heads));
    config.number("dropout");
    a.downsample = perAxis(config, "downsample_factor", dims);
    a.kernel = perAxis(config, "offset_kernel_size", dims);
    for (uint32_t axis = 0; axis < dims; ++axis)
        a.scale[axis] = static_cast<float>(a.downsample[axis]);
    // In 3D the scale is a buffer of the checkpoint, which has the last word.
    if (config.has("offset_scale") && dims < 3)
        a.scale.fill(static_cast<float>(config.number("offset_scale")));
    a.groupQueries = config.boolean("group_queries");
    a.groupKeyValues = config.boolean("group_key_values");
    a.xyz = config.choice("axis_order") == 1;
    if (dims == 1) {
        a.logDistance = config.boolean("cpb_log_distance");
        a.legacyLayout = config.choice("sampling") == 1;
    }
    if (a.heads % a.groups)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"heads\": %u is not divisible by \"offset_groups\": %u", a.heads,
                    a.groups);
    if (a.dim % a.groups)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"dim\": %u is not divisible by \"offset_groups\": %u", a.dim,
                    a.groups);
    checkKernel(a);
    return a;
}

// Positions count along the channels of a position: 1D (position), 2D (x, y), 3D (frame, height, width).
uint32_t axisOfChannel(uint32_t dims, uint32_t channel) { return dims == 2 ? 1 - channel : channel; }

// The queries' and the keys' grid, sizes in the order of PyTorch's shape.
struct Grid {
    std::array<uint32_t, 3> queries{1, 1, 1}, keys{1, 1, 1};

    uint32_t queryCount() const { return queries[0] * queries[1] * queries[2]; }
    uint32_t keyCount() const { return keys[0] * keys[1] * keys[2]; }
};

Grid makeGrid(const Arguments& a, const Shape& x) {
    Grid grid;
    for (uint32_t axis = 0; axis < a.dims; ++axis) {
        const uint64_t padded = x[axis + 2] + 2 * a.padding(axis);
        if (padded < a.kernel[axis])
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "input \"x\": shape[%u] is %llu, with padding %u it must reach \"offset_kernel_size\": %u",
                        axis + 2, wide(x[axis + 2]), a.padding(axis), a.kernel[axis]);
        grid.queries[axis] = static_cast<uint32_t>(x[axis + 2]);
        grid.keys[axis] = static_cast<uint32_t>((padded - a.kernel[axis]) / a.downsample[axis] + 1);
    }
    return grid;
}

// Positions amplify rounding: a key that moves by a thousandth of a pixel samples something else. So in half precision
// too queries and offsets are computed in float32, and rounded for the attention afterwards.
LinearOptions asFloat32(LinearOptions options) {
    options.precision = WeightPrecision::float32;
    return options;
}

// The part of an OffsetNetworkDesc that packing depends on, in the form WeightSet keeps. All taps count along one axis.
OffsetNetworkDesc packedOffsets(std::span<const uint64_t> parameters) {
    OffsetNetworkDesc desc;
    desc.dims = static_cast<uint32_t>(parameters[0]);
    desc.channels = static_cast<uint32_t>(parameters[1]);
    desc.kernel = {static_cast<uint32_t>(parameters[2]), 1, 1};
    return desc;
}

class DeformableAttention final : public Module {
public:
    explicit DeformableAttention(const ModuleSource& source)
        : DeformableAttention(readArguments(dimensionsOf(source.type), source.config), source.weights) {}

    void build(PlanBuilder& plan) const override;

private:
    DeformableAttention(const Arguments& arguments, WeightSet& weights);

    struct Keys {
        TensorId positions, sampler;
        uint32_t samplerDims;
    };
    Keys addOffsets(PlanBuilder& plan, const Grid& grid, TensorId queries) const;
    TensorId addSampling(PlanBuilder& plan, const Grid& grid, TensorId tokens, const Keys& keys) const;
    PositionBiasDesc describeBias(PlanBuilder& plan, const Grid& grid) const;
    TensorId addBias(PlanBuilder& plan, const PositionBiasDesc& bias) const;
    void addMap(PlanBuilder& plan, const AttentionDesc& attention, AttentionTensors tensors) const;

    Arguments a_;
    Linear toQ_, toK_, toV_, toOut_;
    WeightId offsets_ = 0;
    BiasNetwork bias_;
};

DeformableAttention::DeformableAttention(const Arguments& a, WeightSet& weights)
    : a_(a),
      toQ_(weights, "to_q", a.dim, a.inner(), asFloat32(pointwise(a.dims, false, a.groupQueries ? a.groups : 1))),
      toK_(weights, "to_k", a.dim, a.inner(), pointwise(a.dims, false, a.groupKeyValues ? a.groups : 1)),
      toV_(weights, "to_v", a.dim, a.inner(), pointwise(a.dims, false, a.groupKeyValues ? a.groups : 1)),
      toOut_(weights, "to_out", a.inner(), a.dim, pointwise(a.dims, true)),
      bias_(weights, "rel_pos_bias.", a.dims, a.dim / 4, a.heads / a.groups, "dim / 4") {
    Shape depthwise{a.groupChannels(), 1}, projection{a.dims, a.groupChannels()};
    uint64_t taps = 1;
    for (uint32_t axis = 0; axis < a.dims; ++axis) {
        depthwise.push_back(a.kernel[axis]);
        projection.push_back(1);
        taps *= a.kernel[axis];
    }
    const SourceId sources[] = {weights.source("to_offsets.0.weight", depthwise),
                                weights.source("to_offsets.0.bias", {a.groupChannels()}),
                                weights.source("to_offsets.2.weight", projection)};
    const auto pack = [](std::span<const std::span<const float>> values, std::span<const uint64_t> p,
                         std::span<float> out) {
        packOffsetNetwork(packedOffsets(p), values[0], values[1], values[2], out);
    };
    const uint64_t parameters[] = {a.dims, a.groupChannels(), taps};
    offsets_ = weights.pack("to_offsets", sources, offsetNetworkWeightElements(packedOffsets(parameters)), pack,
                            parameters, WeightPrecision::float32);
    if (a.dims == 3) {
        const auto scale = weights.read(weights.source("to_offsets.4.scale", {3}));
        std::copy(scale.begin(), scale.end(), a_.scale.begin());
    }
}

DeformableAttention::Keys DeformableAttention::addOffsets(PlanBuilder& plan, const Grid& grid, TensorId queries) const {
    const uint64_t entries = uint64_t(plan.batch()) * a_.groups;
    OffsetNetworkDesc desc;
    desc.dims = a_.dims;
    desc.batch = plan.batch();
    desc.groups = a_.groups;
    desc.channels = a_.groupChannels();
    desc.size = grid.queries;
    desc.kernel = a_.kernel;
    desc.stride = a_.downsample;
    desc.padding = {a_.padding(0), a_.padding(1), a_.padding(2)};
    desc.scale = a_.scale;
    desc.divisor = positionDivisors(a_.dims, grid.keys, a_.xyz);
    if (a_.legacyLayout)
        desc.samplingGrid = SamplingGrid::column;
    else if (a_.dims == 3 && a_.xyz)
        desc.samplingGrid = SamplingGrid::reversed;
    desc.vgrid = plan.wantsOutput("vgrid");

    Keys keys;
    keys.positions = plan.graph().intermediate("key positions", DataType::f32, {entries, grid.keyCount(), a_.dims});
    keys.sampler = keys.positions;
    keys.samplerDims = a_.legacyLayout ? 2 : a_.dims;
    FixedVector<TensorId, 5> operands{queries, plan.weight(offsets_), keys.positions};
    if (desc.samplingGrid != SamplingGrid::none) {
        keys.sampler =
            plan.graph().intermediate("sampler grid", DataType::f32, {entries, grid.keyCount(), keys.samplerDims});
        operands.push_back(keys.sampler);
    }
    if (desc.vgrid) {
        Shape shape{entries};
        if (a_.dims > 1)
            shape.push_back(a_.dims);
        for (uint32_t axis = 0; axis < a_.dims; ++axis)
            shape.push_back(grid.keys[axis]);
        operands.push_back(plan.outputBuffer("vgrid", DataType::f32, shape));
    }
    plan.graph().add("to_offsets", offsetNetwork(desc, plan.device()), operands);
    return keys;
}

TensorId DeformableAttention::addSampling(PlanBuilder& plan, const Grid& grid, TensorId tokens,
                                          const Keys& keys) const {
    GridSampleDesc desc;
    desc.storage = plan.storage();
    desc.dims = keys.samplerDims;
    desc.batch = plan.batch();
    desc.groups = a_.groups;
    desc.channels = a_.dim;
    desc.points = grid.keyCount();
    desc.size = grid.queries;
    if (a_.legacyLayout)
        desc.size = {grid.queries[0], 1, 1}; // an image of width 1
    const TensorId sampled = plan.activation("sampled", {plan.batch(), grid.keyCount(), a_.dim});
    plan.graph().add("grid_sample", gridSample(desc, plan.device()), {tokens, keys.sampler, sampled});
    return sampled;
}

PositionBiasDesc DeformableAttention::describeBias(PlanBuilder& plan, const Grid& grid) const {
    PositionBiasDesc bias;
    bias.mode = PositionBiasDesc::Mode::exact;
    bias.dims = a_.dims;
    bias.headsPerGroup = a_.heads / a_.groups;
    bias.logDistance = a_.logDistance;
    bias.width = bias_.width;
    bias.divisor = positionDivisors(a_.dims, grid.queries, a_.xyz);
    const std::array<float, 3> keyDivisors = positionDivisors(a_.dims, grid.keys, a_.xyz);
    std::array<float, 3> reach{};
    for (uint32_t channel = 0; channel < a_.dims; ++channel) {
        const uint32_t axis = axisOfChannel(a_.dims, channel);
        bias.gridSize[channel] = grid.queries[axis];
        for (uint32_t inner = axis + 1; inner < a_.dims; ++inner)
            bias.gridStride[channel] *= grid.queries[inner];
        // Offsets end in a tanh, so a key strays from its cell by no more than the scale.
        const float stray = std::abs(a_.scale[channel]), keyDivisor = keyDivisors[channel];
        const float behind = 2 * (static_cast<float>(grid.keys[axis] - 1) + stray) / keyDivisor;
        const float ahead =
            2 * static_cast<float>(grid.queries[axis] - 1) / bias.divisor[channel] + 2 * stray / keyDivisor;
        reach[channel] = biasReach(std::max(behind, ahead));
    }
    if (plan.bias().mode == BiasMode::exact) {
        plan.biasReport().mode = BiasMode::exact;
        return bias;
    }

    const std::optional<BiasTable> found = bias_.table(plan.weights(), reach, a_.logDistance, plan.bias().tolerance,
                                                       plan.bias().tableLimit, plan.progress());
    BiasReport& report = plan.biasReport();
    const bool wanted = plan.bias().mode == BiasMode::table;
    if (!found && wanted)
        throw Error(SAC_ERROR_UNSUPPORTED,
                    "SacPositionBiasInfo::mode is SAC_POSITION_BIAS_MODE_TABLE, but no table fits "
                    "SacPositionBiasInfo::tableLimit: %llu bytes",
                    wide(plan.bias().tableLimit));
    if (!found || (!wanted && found->error > plan.bias().tolerance)) {
        report.mode = BiasMode::exact;
        return bias;
    }
    const BiasTable& table = *found;
    report.tableError = static_cast<float>(table.error);
    bias.mode = PositionBiasDesc::Mode::table;
    bias.tableSize = table.size;
    bias.tableOrigin = table.origin;
    bias.tableStep = table.step;
    bias.tableQuads = table.quads;
    report.mode = BiasMode::table;
    std::copy_n(table.size.begin(), a_.dims, report.tableSize.begin());
    return bias;
}

TensorId DeformableAttention::addBias(PlanBuilder& plan, const PositionBiasDesc& bias) const {
    const TensorId network = plan.weight(bias_.packed);
    if (bias.mode == PositionBiasDesc::Mode::exact)
        return network;
    const uint32_t valuesPerEntry = bias.tableQuads ? 4 : 1;
    const TensorId table =
        plan.graph().table("position bias table", DataType::f32,
                           {bias_.outputs, bias.tableSize[2], bias.tableSize[1], bias.tableSize[0] * valuesPerEntry});
    plan.graph().add("position bias table", biasTableKernel(bias, plan.device()), {network, table}, Phase::upload);
    return table;
}

// The attention weights are an optional result: their memory is queries x keys.
void DeformableAttention::addMap(PlanBuilder& plan, const AttentionDesc& attention, AttentionTensors tensors) const {
    if (plan.half())
        throw Error(SAC_ERROR_UNSUPPORTED, "output \"attention\" is there in plans of SAC_PRECISION_FLOAT32 only");
    tensors.out = plan.outputBuffer("attention", DataType::f32,
                                    {attention.batch, attention.heads, attention.queries, attention.keys});
    addAttentionScores(plan, "attention map", attention, AttentionStage::softmax, 0, tensors);
}

void DeformableAttention::build(PlanBuilder& plan) const {
    const Shape x = plan.inputShape("x", a_.dims + 2);
    plan.expectDimension("x", 1, a_.dim, "config \"dim\"");
    plan.setBatch(x[0]);
    const Grid grid = makeGrid(a_, x);
    const uint32_t batch = plan.batch(), queries = grid.queryCount(), keys = grid.keyCount(), inner = a_.inner();

    const TensorId exactTokens = plan.inputTokens("x", ChannelAxis::second, DataType::f32);
    const TensorId exactQ = plan.graph().intermediate("q", DataType::f32, {batch, queries, inner});
    toQ_.apply(plan, "to_q", batch, queries, exactTokens, exactQ);
    const Keys moved = addOffsets(plan, grid, exactQ);
    const bool wantsY = plan.wantsOutput("y");
    if (!wantsY && !plan.wantsOutput("attention"))
        return;
    const TensorId tokens = plan.asType("x", exactTokens, plan.storage());
    const TensorId q = plan.asType("q", exactQ, plan.storage());
    const TensorId sampled = addSampling(plan, grid, tokens, moved);
    const TensorId k = plan.activation("k", {batch, keys, inner});
    toK_.apply(plan, "to_k", batch, keys, sampled, k);

    AttentionDesc attention = describeAttention(plan, a_.heads, a_.dimHead, queries, keys);
    AttentionTensors tensors{.q = q, .k = k};
    if (bias_.width) {
        attention.positionBias = describeBias(plan, grid);
        tensors.positions = moved.positions;
        tensors.positionBias = addBias(plan, attention.positionBias);
    }
    if (plan.wantsOutput("attention"))
        addMap(plan, attention, tensors);
    if (!wantsY)
        return;

    tensors.v = plan.activation("v", {batch, keys, inner});
    toV_.apply(plan, "to_v", batch, keys, sampled, tensors.v);
    tensors.out = plan.activation("attention", {batch, queries, inner});
    addBiasedAttention(plan, "attention", attention, tensors);
    const OutputTarget y = plan.beginOutput("y", x, ChannelAxis::second, true);
    LinearUse use;
    use.output.channelMajor = y.channelMajor;
    toOut_.apply(plan, "to_out", batch, queries, tensors.out, y.tensor, use);
    plan.endOutput(y);
}

constexpr const char* origin = "lucidrains/deformable-attention; Xia et al., arXiv 2201.00520";

} // namespace

constexpr ModuleDescription deformableAttention1DDescription{
    "Attention of a sequence to a few of its positions, which move to where queries ask for.",
    origin,
    config1D,
    {},
    inputs1D,
    outputs1D,
    limits};
constexpr ModuleDescription deformableAttention2DDescription{
    "Attention of an image to a few of its positions, which move to where queries ask for.",
    origin,
    config2D,
    {},
    inputs2D,
    outputs2D,
    limits};
constexpr ModuleDescription deformableAttention3DDescription{
    "Attention of a video to a few of its positions, which move to where queries ask for.",
    origin,
    config3D,
    {},
    inputs3D,
    outputs3D,
    limits};

ModulePtr makeDeformableAttention(const ModuleSource& source) { return makeModule<DeformableAttention>(source); }

} // namespace saccade
