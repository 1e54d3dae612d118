// SPDX-License-Identifier: Apache-2.0
#include "kernels/position_bias.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/error.hpp"
#include "kernels/attention_tuning.hpp"
#include "parameters/position_bias.h"
#include "parameters/position_bias_walk.h"

namespace saccade {
namespace {

uint32_t padded(uint32_t width) { return (width + 7) / 8 * 8; }

Dispatch biasDispatch(const PositionBiasDesc& desc, bool dense, uint64_t items, uint32_t layers,
                      const DeviceProfile& device) {
    if (desc.dims < 1 || desc.dims > 3 || desc.width < 1 || desc.width > 256)
        throw Error(SAC_ERROR_INTERNAL, "position bias: dims is %u, not in 1..3, or width is %u, not in 1..256",
                    desc.dims, desc.width);
    const bool laneBroadcast = usesLaneBroadcast(device);
    const uint32_t lanes = laneBroadcast ? device.subgroupSize : device.isCpu() ? 8 : 64;
    const uint32_t pairs = laneBroadcast ? 16 : 4;
    Dispatch dispatch;
    dispatch.shader = laneBroadcast ? Shader::positionBiasLanes : Shader::positionBias;
    dispatch.constants = {lanes,
                          dense,
                          desc.dims,
                          desc.width,
                          pairs,
                          desc.logDistance,
                          !dense && desc.tableQuads && desc.dims > 1,
                          dense && desc.queriesGiven};
    dispatch.groups = {divideUp(items, uint64_t{lanes} * pairs), 1, layers};
    return dispatch;
}

/// The MLP on the host, a point at a time; units that ReLU switches off cost nothing in the layer behind them.
class HostBias {
public:
    HostBias(const PositionBiasWeights& weights, std::pmr::memory_resource* memory)
        : weights_(weights), transposed_(weights.second.size(), memory), second_(weights.width, memory) {
        for (uint32_t o = 0; o < weights.width; ++o)
            for (uint32_t i = 0; i < weights.width; ++i)
                transposed_[std::size_t{i} * weights.width + o] = weights.second[std::size_t{o} * weights.width + i];
    }

    void evaluate(const float* u, float* result) {
        const uint32_t width = weights_.width;
        std::copy(weights_.secondBias.begin(), weights_.secondBias.end(), second_.begin());
        for (uint32_t i = 0; i < width; ++i) {
            float hidden = weights_.firstBias[i];
            for (uint32_t c = 0; c < weights_.dims; ++c)
                hidden += weights_.first[i * weights_.dims + c] * u[c];
            if (hidden <= 0)
                continue;
            const float* row = transposed_.data() + std::size_t{i} * width;
            for (uint32_t o = 0; o < width; ++o)
                second_[o] += hidden * row[o];
        }
        for (uint32_t o = 0; o < weights_.outputs; ++o) {
            float sum = weights_.lastBias[o];
            for (uint32_t i = 0; i < width; ++i)
                sum += std::max(second_[i], 0.0f) * weights_.last[std::size_t{o} * width + i];
            result[o] = sum;
        }
    }

private:
    const PositionBiasWeights& weights_;
    std::pmr::vector<float> transposed_, second_;
};

/// Nodes per axis for a density of `nodes` over the widest axis; others get as many as their range is wide.
std::array<uint32_t, 3> tableSizes(uint32_t dims, uint32_t nodes, std::span<const float> low,
                                   std::span<const float> high) {
    float widest = 0;
    for (uint32_t c = 0; c < dims; ++c)
        widest = std::max(widest, high[c] - low[c]);
    std::array<uint32_t, 3> size{1, 1, 1};
    for (uint32_t c = 0; c < dims; ++c)
        size[c] =
            std::max(2u, static_cast<uint32_t>(std::ceil((high[c] - low[c]) / widest * static_cast<float>(nodes))));
    return size;
}

} // namespace

std::size_t packedPositionBiasSize(uint32_t dims, uint32_t width, uint32_t outputs) {
    static_cast<void>(dims); // the first layer has room for three channels always
    const std::size_t w = padded(width);
    return 4 * w + w * w + w + outputs * w + (outputs + 3) / 4 * 4;
}

void packPositionBias(const PositionBiasWeights& weights, std::span<float> packed) {
    const uint32_t width = weights.width;
    const uint32_t w = padded(width);
    std::fill(packed.begin(), packed.end(), 0.0f);
    float* out = packed.data();
    for (uint32_t i = 0; i < width; ++i) {
        for (uint32_t c = 0; c < weights.dims; ++c)
            out[4 * i + c] = weights.first[i * weights.dims + c];
        out[4 * i + 3] = weights.firstBias[i];
    }
    out += 4 * w;
    for (uint32_t o = 0; o < width; ++o)
        for (uint32_t i = 0; i < width; ++i)
            out[std::size_t{i} * w + o] = weights.second[std::size_t{o} * width + i];
    out += std::size_t{w} * w;
    std::copy(weights.secondBias.begin(), weights.secondBias.end(), out);
    out += w;
    for (uint32_t o = 0; o < weights.outputs; ++o)
        std::copy_n(weights.last.begin() + std::size_t{o} * width, width, out + std::size_t{o} * w);
    out += std::size_t{weights.outputs} * w;
    std::copy(weights.lastBias.begin(), weights.lastBias.end(), out);
}

uint64_t positionBiasFlops(const PositionBiasDesc& desc) {
    return uint64_t{2} * desc.width * (desc.dims + desc.width + desc.headsPerGroup);
}

float biasCoordinate(float p, bool logDistance) {
    return logDistance ? std::copysign(std::log(std::abs(p) + 1), p) : p;
}

std::optional<BiasTable> chooseBiasTable(const PositionBiasWeights& weights, std::span<const float> low,
                                         std::span<const float> high, double tolerance,
                                         std::pmr::memory_resource* memory, uint64_t limit, Progress* progress) {
    const uint32_t dims = weights.dims;
    const uint32_t corners = 1u << dims;
    const uint32_t points = dims == 1 ? 1024 : dims == 2 ? 512 : 384;
    // Coefficients of the additive recurrence in as many dimensions (the generalised golden ratio).
    static constexpr double steps[3][3] = {{0.6180339887498949, 0, 0},
                                           {0.7548776662466927, 0.5698402909980532, 0},
                                           {0.8191725133961645, 0.6710436067037893, 0.5497004779019703}};
    HostBias bias(weights, memory);
    std::pmr::vector<float> exact(std::size_t{points} * weights.outputs, memory);
    std::pmr::vector<float> atCorner(weights.outputs, memory), between(weights.outputs, memory);
    const auto point = [&](uint32_t i, float* u) {
        for (uint32_t c = 0; c < dims; ++c) {
            const double t = 0.5 + (i + 1.0) * steps[dims - 1][c];
            u[c] = static_cast<float>(low[c] + (t - std::floor(t)) * (high[c] - low[c]));
        }
    };
    const auto tick = [progress] {
        if (progress)
            progress->tick();
    };
    for (uint32_t i = 0; i < points; ++i) {
        tick();
        float u[3];
        point(i, u);
        bias.evaluate(u, exact.data() + std::size_t{i} * weights.outputs);
    }

    static constexpr uint32_t ladders[3][6] = {
        {256, 1024, 4096, 16384, 65536, 0}, {64, 128, 256, 512, 1024, 2048}, {32, 64, 96, 128, 160, 256}};
    std::optional<BiasTable> finest;
    for (uint32_t nodes : ladders[dims - 1]) {
        BiasTable table;
        table.size = tableSizes(dims, nodes, low, high);
        const uint64_t bytes = sizeof(float) * table.floats() * weights.outputs;
        if (nodes == 0 || bytes > limit)
            break;
        for (uint32_t c = 0; c < dims; ++c) {
            table.origin[c] = low[c];
            table.step[c] = (high[c] - low[c]) / static_cast<float>(table.size[c] - 1);
        }
        double off = 0;
        for (uint32_t i = 0; i < points; ++i) {
            tick();
            float u[3], fraction[3];
            uint32_t node[3];
            point(i, u);
            for (uint32_t c = 0; c < dims; ++c) {
                const float position = (u[c] - table.origin[c]) / table.step[c];
                node[c] = std::min(static_cast<uint32_t>(std::max(position, 0.0f)), table.size[c] - 2);
                fraction[c] = position - static_cast<float>(node[c]);
            }
            std::fill(between.begin(), between.end(), 0.0f);
            for (uint32_t corner = 0; corner < corners; ++corner) {
                float weight = 1, at[3];
                for (uint32_t c = 0; c < dims; ++c) {
                    const uint32_t upper = corner >> c & 1;
                    at[c] = table.origin[c] + static_cast<float>(node[c] + upper) * table.step[c];
                    weight *= upper ? fraction[c] : 1 - fraction[c];
                }
                bias.evaluate(at, atCorner.data());
                for (uint32_t o = 0; o < weights.outputs; ++o)
                    between[o] += weight * atCorner[o];
            }
            for (uint32_t o = 0; o < weights.outputs; ++o) {
                const double d = double{between[o]} - exact[std::size_t{i} * weights.outputs + o];
                off += d * d;
            }
        }
        table.error = std::sqrt(off / static_cast<double>(exact.size()));
        table.quads = dims > 1 && bytes * 4 <= limit;
        finest = table;
        if (table.error <= tolerance)
            break;
    }
    return finest;
}

Kernel biasTableKernel(const PositionBiasDesc& desc, const DeviceProfile& device) {
    const uint64_t nodes = uint64_t{desc.tableSize[0]} * desc.tableSize[1] * desc.tableSize[2];
    Kernel kernel;
    kernel.operandCount = 2;
    kernel.flops = nodes * positionBiasFlops(desc);
    Dispatch dispatch = biasDispatch(desc, false, nodes, desc.headsPerGroup, device);
    PositionBiasParameters p{};
    p.tableOrigin = vector4(desc.tableOrigin);
    p.step = vector4(desc.tableStep);
    p.size = vector4(desc.tableSize);
    p.heads = p.headsPerGroup = desc.headsPerGroup;
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}, {0, Access::read}, {0, Access::read}};
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

Kernel denseBiasKernel(const PositionBiasDesc& desc, uint32_t batch, uint32_t heads, uint32_t queries, uint32_t keys,
                       const DeviceProfile& device) {
    const uint64_t pairs = uint64_t{queries} * keys;
    Kernel kernel;
    kernel.operandCount = desc.queriesGiven ? 4 : 3;
    kernel.flops = pairs * batch * (heads / desc.headsPerGroup) * positionBiasFlops(desc);
    Dispatch dispatch = biasDispatch(desc, true, pairs, batch * heads, device);
    PositionBiasParameters p{};
    p.step = vector4(desc.divisor);
    p.size = vector4(desc.gridSize);
    p.gridStride = vector4(desc.gridStride);
    p.queries = queries;
    p.keys = keys;
    p.heads = heads;
    p.headsPerGroup = desc.headsPerGroup;
    dispatch.parameters.set(p);
    const uint8_t given = desc.queriesGiven ? 3 : 2;
    dispatch.bindings = {{0, Access::read}, {1, Access::write}, {2, Access::read}, {given, Access::read}};
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

namespace {

// Queries that a walk goes over at most: beginning one costs as much as some dozens, and every unit that changes on the
// way adds a rounding.
constexpr uint32_t walkQueries = 2048;

uint32_t outputsAtATime(uint32_t headsPerGroup) { return headsPerGroup % 4 == 0 ? 4 : headsPerGroup % 2 == 0 ? 2 : 1; }

} // namespace

bool biasCanWalk(const DeviceProfile& device) {
    return device.subgroupSize >= 4 &&
           device.hasSubgroup(VK_SUBGROUP_FEATURE_BALLOT_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
}

uint32_t biasRowLength(const PositionBiasDesc& desc) {
    return desc.dims == 1 ? std::min(desc.gridSize[0], walkQueries) : desc.gridSize[biasRowChannel(desc)];
}

uint32_t biasRowChannel(const PositionBiasDesc& desc) {
    uint32_t channel = 0;
    for (uint32_t c = 1; c < desc.dims; ++c)
        if (desc.gridStride[c] < desc.gridStride[channel] ||
            (desc.gridStride[c] == desc.gridStride[channel] && desc.gridSize[c] > desc.gridSize[channel]))
            channel = c;
    return channel;
}

Kernel biasWalkKernel(const PositionBiasDesc& desc, const BiasBlock& block, const DeviceProfile& device) {
    PositionBiasWalkParameters p{};
    p.divisor = vector4(desc.divisor);
    p.size = vector4(desc.gridSize);
    p.gridStride = vector4(desc.gridStride);
    p.firstQuery = block.firstQuery;
    p.queries = block.queries;
    p.keys = block.keys;
    p.rowLength = biasRowLength(desc);
    p.rows = divideUp(block.queries, p.rowLength);
    p.rowsPerWalk = std::max(walkQueries / p.rowLength, 1u);
    p.headsPerGroup = desc.headsPerGroup;

    const uint32_t quads = padded(desc.width) / 4;
    const uint32_t walkLanes = std::min({std::bit_floor(device.subgroupSize), 32u, std::bit_ceil(quads)});
    const uint32_t lanes = device.isCpu() ? walkLanes : std::max(64u, device.subgroupSize);
    const uint32_t outputs = outputsAtATime(desc.headsPerGroup);
    const uint32_t groups = block.batch * (block.heads / desc.headsPerGroup);
    const uint64_t walkers = uint64_t{block.keys} * divideUp(p.rows, p.rowsPerWalk);

    Dispatch dispatch;
    dispatch.shader = Shader::positionBiasWalk;
    dispatch.constants = {lanes, desc.dims, desc.width, desc.logDistance, walkLanes, outputs, biasRowChannel(desc)};
    dispatch.parameters.set(p);
    dispatch.bindings = {{0, Access::read}, {1, Access::write}, {2, Access::read}};
    dispatch.groups =
        flatGrid("position bias", walkers * walkLanes, lanes, groups * (desc.headsPerGroup / outputs), device);
    Kernel kernel;
    kernel.operandCount = 3;
    // Without what units cost that change, whose number depends on the weights: less than one for each pair.
    kernel.flops = uint64_t{block.queries} * block.keys * groups * desc.width * (4 + 2 * desc.headsPerGroup);
    kernel.dispatches.push_back(dispatch);
    return kernel;
}

} // namespace saccade
