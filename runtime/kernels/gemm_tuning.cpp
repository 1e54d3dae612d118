// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm_tuning.hpp"

#include <algorithm>
#include <bit>
#include <span>

#include "kernels/kernel.hpp"

namespace saccade {

namespace {

// Eight threads are one vector of a CPU driver's lanes, and barriers would only cost. Its buffer reads cost about as
// much as 15 multiply-adds per lane wherever the lanes read, so large register tiles win as far as the shape fills
// them, and how the lanes are spread matters only for what hangs over the edges.
constexpr GemmTuning cpuTilings[] = {
    {1, 8, 8, 4, false, 4}, {2, 4, 8, 4, false, 4}, {4, 2, 8, 4, false, 4}, {2, 4, 8, 3, false, 4},
    {1, 8, 4, 4, false, 4}, {2, 4, 4, 4, false, 4}, {4, 2, 4, 4, false, 4}, {1, 8, 4, 2, false, 4},
    {2, 4, 4, 2, false, 4}, {4, 2, 4, 2, false, 4}, {8, 1, 4, 2, false, 4}, {8, 1, 4, 1, false, 4},
    {1, 8, 2, 4, false, 4}, {1, 8, 2, 2, false, 4}, {2, 4, 2, 2, false, 4}, {4, 2, 2, 2, false, 4},
    {8, 1, 2, 1, false, 4}, {1, 8, 1, 4, false, 4}, {1, 8, 1, 2, false, 4}, {1, 8, 1, 1, false, 4},
};

// A CPU driver compiles a register tile in time that grows faster than its area: 0.2 s for 4 quads, 0.7 s for 16, 1.7 s
// for 32, and up to three times as long with much code besides the product. Small products do not earn that back.
bool worthCompiling(const GemmTuning& tiling, const GemmShape& shape) {
    const uint32_t quads = tiling.quadsM * tiling.quadsN;
    if (quads > 16)
        return shape.simple && shape.flops >= 1'000'000'000;
    if (quads > 4)
        return shape.flops >= (shape.simple ? 20'000'000u : 60'000'000u);
    return true;
}

// 128 threads; 64x64 is the workhorse, the flatter ones serve narrow outputs, the smaller ones few rows or few groups.
constexpr GemmTuning gpuTilings[] = {
    {8, 16, 2, 1, true, 16}, {16, 8, 2, 1, true, 16}, {32, 4, 1, 1, true, 16}, {16, 8, 1, 1, true, 16},
    {8, 16, 1, 1, true, 16}, {4, 32, 1, 1, true, 16}, {8, 8, 1, 1, true, 16},  {4, 8, 1, 1, true, 16},
};

struct Costs {
    uint32_t load;         // reading one operand vector, in multiply-adds
    uint64_t wantedGroups; // fewer workgroups than this leave parts of the device idle
};

// Relative time of a k step over the whole product, workgroups beyond the edges and idle units included.
double cost(const GemmTuning& tiling, const GemmShape& shape, const Costs& costs) {
    const uint64_t groups = uint64_t(divideUp(shape.rows, tiling.rowsPerGroup())) *
                            divideUp(shape.columns, tiling.columnsPerGroup()) * shape.planes;
    const uint32_t rows = tiling.quadsM * 4, columns = tiling.quadsN * 4;
    const double perThread = double(rows) * columns + double(costs.load) * (rows + columns);
    return double(std::max(groups, costs.wantedGroups)) * tiling.threadsM * tiling.threadsN * perThread;
}

// Products of many rows are tiled alike up to the next power of two, so that a plan for another image size finds its
// pipelines made.
GemmShape sizeClass(const GemmShape& shape) {
    if (shape.rows < 64 || shape.rows > 1u << 31)
        return shape;
    GemmShape out = shape;
    out.rows = std::bit_ceil(shape.rows);
    out.flops = shape.flops / shape.rows * out.rows;
    return out;
}

} // namespace

GemmTuning gemmTuning(const DeviceProfile& profile, const GemmShape& exactShape) {
    const GemmShape shape = sizeClass(exactShape);
    const Costs costs = profile.isCpu() ? Costs{15, 4} : Costs{2, 128};
    GemmTuning best;
    double bestCost = -1;
    for (const GemmTuning& tiling : profile.isCpu() ? std::span<const GemmTuning>(cpuTilings) : gpuTilings) {
        const double c = cost(tiling, shape, costs);
        if ((bestCost < 0 || c < bestCost) && (!profile.isCpu() || worthCompiling(tiling, shape))) {
            best = tiling;
            bestCost = c;
        }
    }
    return best;
}

} // namespace saccade
