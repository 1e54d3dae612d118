// SPDX-License-Identifier: Apache-2.0
// Local attention against float64: borders, dilations, windows wider than the grid, odd head sizes, views, as cut for
// the test device, for a CPU driver whose lanes cannot pass values on, and for a GPU.
#include "kernels/sparse_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "reference/layers.hpp"
#include "reference/local_attention.hpp"
#include "reference/random.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

struct Case {
    const char* name;
    LocalAttentionDesc desc;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }
std::string nameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

using Axes = std::array<uint32_t, 3>;

LocalAttentionDesc grid(uint32_t batch, uint32_t heads, uint32_t headDim, Axes size, Axes window,
                        WindowBorder border = WindowBorder::cut, Axes dilation = {1, 1, 1}) {
    LocalAttentionDesc desc;
    desc.batch = batch;
    desc.heads = heads;
    desc.headDim = headDim;
    desc.scale = 1 / std::sqrt(static_cast<float>(headDim));
    desc.size = size;
    desc.window = window;
    desc.dilation = dilation;
    desc.border = border;
    desc.q = desc.k = desc.v = desc.out = AttentionView::tokens(desc.tokens(), heads * headDim, headDim);
    return desc;
}

LocalAttentionDesc halves(LocalAttentionDesc desc) {
    desc.half = true;
    return desc;
}

// Queries, keys and values between other numbers; the result with its heads one after the other.
LocalAttentionDesc viewed(LocalAttentionDesc desc, uint32_t pad) {
    const uint32_t inner = desc.heads * desc.headDim, width = 3 * inner + pad;
    desc.q = AttentionView::tokens(desc.tokens(), width, desc.headDim, pad);
    desc.k = AttentionView::tokens(desc.tokens(), width, desc.headDim, inner + pad);
    desc.v = AttentionView::tokens(desc.tokens(), width, desc.headDim, 2 * inner + pad);
    desc.out = AttentionView::heads(desc.heads, desc.tokens(), desc.headDim);
    return desc;
}

class Windows {
public:
    explicit Windows(const LocalAttentionDesc& desc)
        : desc(desc), q(random(desc.q, 1)), k(random(desc.k, 2)), v(random(desc.v, 3)),
          out(extent(desc.out), untouched, storage()) {}

    // The spec's words, in positions along each axis.
    std::vector<double> expected() const {
        std::vector<double> result(out.values.size(), untouched);
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t h = 0; h < desc.heads; ++h)
                for (uint32_t i = 0; i < desc.tokens(); ++i) {
                    const std::vector<uint32_t> keys = seenBy(i);
                    std::vector<double> weights;
                    for (const uint32_t j : keys) {
                        double dot = 0;
                        for (uint32_t c = 0; c < desc.headDim; ++c)
                            dot += q.values[at(desc.q, b, h, i, c)] * k.values[at(desc.k, b, h, j, c)];
                        weights.push_back(dot * desc.scale);
                    }
                    reference::softmax(weights);
                    for (uint32_t c = 0; c < desc.headDim; ++c) {
                        double& sum = result[at(desc.out, b, h, i, c)] = 0;
                        for (std::size_t n = 0; n < keys.size(); ++n)
                            sum += weights[n] * v.values[at(desc.v, b, h, keys[n], c)];
                    }
                }
        return result;
    }

    std::vector<uint32_t> seenBy(uint32_t i) const {
        const auto along = [&](uint32_t axis, uint32_t position) {
            return reference::windowPositions(position, desc.size[axis], desc.window[axis], desc.dilation[axis],
                                              desc.border == WindowBorder::neighborhood);
        };
        std::vector<uint32_t> keys;
        for (const int64_t z : along(0, i / (desc.size[1] * desc.size[2])))
            for (const int64_t y : along(1, i / desc.size[2] % desc.size[1]))
                for (const int64_t x : along(2, i % desc.size[2]))
                    keys.push_back(static_cast<uint32_t>((z * desc.size[1] + y) * desc.size[2] + x));
        return keys;
    }

    static std::size_t at(const AttentionView& view, uint32_t b, uint32_t h, uint32_t n, uint32_t c) {
        return view.offset + std::size_t{b} * view.batchStride + h * view.headStride + n * view.tokenStride + c;
    }

private:
    DataType storage() const { return desc.half ? DataType::f16 : DataType::f32; }
    std::size_t extent(const AttentionView& view) const {
        return at(view, desc.batch - 1, desc.heads - 1, desc.tokens() - 1, desc.headDim - 1) + 1;
    }
    Operand random(const AttentionView& view, uint64_t seed) const {
        reference::Random numbers(seed * 1000 + desc.headDim);
        Operand operand(extent(view), 0, storage());
        for (double& value : operand.values)
            value = rounded(numbers.uniform(-1.7, 1.7), storage());
        return operand;
    }

public:
    LocalAttentionDesc desc;
    Operand q, k, v, out;
};

class LocalAttention : public KernelTest, public ::testing::WithParamInterface<Case> {
protected:
    void expectWindows(const DeviceProfile& mapping) {
        const LocalAttentionDesc& desc = GetParam().desc;
        if (desc.half && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
        Windows windows(desc);
        run(localAttentionKernel(desc, mapping), {&windows.q, &windows.k, &windows.v, &windows.out});
        const std::vector<double> expected = windows.expected();
        std::vector<double> results, wanted;
        for (std::size_t i = 0; i < expected.size(); ++i)
            if (expected[i] == untouched)
                ASSERT_EQ(windows.out.values[i], untouched) << "a write between rows, at " << i;
            else {
                results.push_back(windows.out.values[i]);
                wanted.push_back(expected[i]);
            }
        EXPECT_LE(relativeError(results, wanted), desc.half ? 1e-3 : 1e-6);
    }
};

TEST_P(LocalAttention, cpuMapping) { expectWindows(profile()); }

TEST_P(LocalAttention, cpuMappingWithoutShuffle) {
    DeviceProfile plain = profile();
    plain.subgroupOperations = 0;
    expectWindows(plain);
}

TEST_P(LocalAttention, gpuMapping) { expectWindows(gpuProfile()); }

constexpr WindowBorder neighborhood = WindowBorder::neighborhood;

INSTANTIATE_TEST_SUITE_P(
    Shapes, LocalAttention,
    ::testing::Values(Case{"oneToken", grid(2, 1, 1, {1, 1, 1}, {1, 1, 1})},
                      Case{"onePixelWideWindow", grid(1, 3, 5, {1, 1, 1}, {7, 7, 7})},
                      Case{"sequence", grid(3, 2, 16, {1, 1, 37}, {1, 1, 5})},
                      Case{"sequenceNeighborhood", grid(2, 3, 20, {1, 1, 41}, {1, 1, 9}, neighborhood)},
                      Case{"sequenceDilated", grid(2, 2, 12, {1, 1, 50}, {1, 1, 5}, neighborhood, {1, 1, 7})},
                      Case{"sequenceDilatedBeyond", grid(1, 2, 8, {1, 1, 5}, {1, 1, 3}, WindowBorder::cut, {1, 1, 9})},
                      Case{"sequenceSeesAll", grid(1, 2, 33, {1, 1, 21}, {1, 1, 63})},
                      Case{"map", grid(2, 4, 64, {1, 13, 18}, {1, 7, 7})},
                      Case{"mapNeighborhood", grid(1, 2, 32, {1, 11, 20}, {1, 5, 7}, neighborhood)},
                      Case{"mapExactlyTheWindow", grid(1, 2, 9, {1, 5, 7}, {1, 5, 7}, neighborhood)},
                      Case{"mapDilated", grid(1, 3, 24, {1, 17, 14}, {1, 3, 5}, WindowBorder::cut, {1, 4, 2})},
                      Case{"mapDilatedNeighborhood", grid(2, 1, 40, {1, 16, 23}, {1, 5, 3}, neighborhood, {1, 3, 5})},
                      Case{"mapOneColumn", grid(1, 2, 7, {1, 19, 1}, {1, 3, 3})},
                      Case{"wideHeads", grid(1, 2, 128, {1, 6, 9}, {1, 3, 3}, neighborhood)},
                      Case{"widestHeads", grid(1, 1, 256, {1, 5, 6}, {1, 3, 5})},
                      Case{"oddWideHeads", grid(1, 1, 131, {1, 4, 7}, {1, 3, 3})},
                      Case{"volume", grid(2, 2, 16, {4, 6, 7}, {3, 5, 3})},
                      Case{"volumeNeighborhood", grid(1, 3, 13, {5, 4, 9}, {3, 3, 7}, neighborhood)},
                      Case{"volumeDilated", grid(1, 2, 8, {6, 7, 9}, {3, 1, 3}, neighborhood, {2, 3, 3})},
                      Case{"slices", viewed(grid(2, 2, 16, {1, 9, 9}, {1, 3, 3}), 4)},
                      Case{"oddSlices", viewed(grid(2, 2, 11, {1, 9, 9}, {1, 5, 3}, neighborhood), 3)},
                      Case{"halves", halves(grid(2, 2, 64, {1, 9, 12}, {1, 5, 5}))},
                      Case{"oddHalves", halves(viewed(grid(1, 3, 10, {3, 4, 5}, {3, 3, 3}, neighborhood), 2))}),
    nameOf);

using LocalAttentionNumbers = KernelTest;

// A NaN or an infinity reaches the queries that see it and no others, though others of the tile walk past it.
TEST_F(LocalAttentionNumbers, reachThoseThatSeeThem) {
    const LocalAttentionDesc desc = grid(1, 1, 8, {1, 12, 12}, {1, 3, 3});
    constexpr uint32_t token = 5 * 12 + 5;
    DeviceProfile plain = profile();
    plain.subgroupOperations = 0;
    for (const DeviceProfile& mapping : {profile(), plain, gpuProfile()})
        for (const double poison : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
            for (Operand Windows::*const operand : {&Windows::k, &Windows::v}) {
                Windows windows(desc);
                (windows.*operand).values[token * 8 + 3] = poison;
                run(localAttentionKernel(desc, mapping), {&windows.q, &windows.k, &windows.v, &windows.out});
                for (uint32_t i = 0; i < desc.tokens(); ++i) {
                    const std::vector<uint32_t> keys = windows.seenBy(i);
                    const bool sees = std::find(keys.begin(), keys.end(), token) != keys.end();
                    for (uint32_t c = 0; c < 8; ++c) {
                        const double result = windows.out.values[i * 8 + c];
                        // An infinite score makes a softmax NaN, one of minus infinity takes no part in it.
                        const bool nan = operand == &Windows::v ? c == 3 && std::isnan(poison)
                                                                : std::isnan(poison) || windows.q.values[i * 8 + 3] > 0;
                        if (sees && nan) {
                            EXPECT_TRUE(std::isnan(result)) << i << ": " << result;
                        } else if (sees && operand == &Windows::v && c == 3) {
                            EXPECT_EQ(result, poison) << i;
                        } else {
                            EXPECT_TRUE(std::isfinite(result)) << i << ": " << result;
                        }
                    }
                }
            }
}

TEST_F(LocalAttentionNumbers, flopsCountWhatIsSeen) {
    for (const LocalAttentionDesc& desc :
         {grid(2, 3, 8, {1, 7, 10}, {1, 5, 3}), grid(1, 1, 4, {3, 7, 10}, {3, 3, 3}, neighborhood, {1, 2, 3}),
          grid(1, 2, 4, {5, 6, 7}, {3, 9, 3}, WindowBorder::cut, {2, 1, 4})}) {
        const Windows windows(desc);
        uint64_t pairs = 0;
        for (uint32_t i = 0; i < desc.tokens(); ++i)
            pairs += windows.seenBy(i).size();
        EXPECT_EQ(localAttentionKernel(desc, profile()).flops, 4 * pairs * desc.headDim * desc.heads * desc.batch);
    }
}

} // namespace
} // namespace saccade::test
