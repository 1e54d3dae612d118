// SPDX-License-Identifier: Apache-2.0
// The position bias of deformable attention: the table and the dense form against its MLP in float64.
#include "kernels/position_bias.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "attention_cases.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

class PositionBiasKernel : public KernelTest, public ::testing::WithParamInterface<uint32_t> {};

// What stands in for the MLP holds the MLP's values, whether lanes hand each other the weights or each reads its own.
TEST_P(PositionBiasKernel, fillsWhatTheMlpGives) {
    AttentionDesc desc = description(attentionCases[0]);
    positionBias(desc, PositionBiasDesc::Mode::exact, GetParam(), 2, GetParam() > 1);
    Attention attention(desc);
    const PositionBiasDesc& bias = attention.desc.positionBias;
    const uint32_t values = bias.tableQuads ? 4 : 1;
    for (const bool shuffle : {true, false}) {
        DeviceProfile device = profile();
        if (!shuffle)
            device.subgroupOperations &= ~VkSubgroupFeatureFlags{VK_SUBGROUP_FEATURE_SHUFFLE_BIT};
        Operand table(std::size_t{bias.headsPerGroup} * nodes(bias) * values, untouched);
        run(biasTableKernel(bias, device), {&attention.positionBias, &table});
        std::vector<double> results, expected;
        for (uint32_t output = 0; output < bias.headsPerGroup; ++output)
            for (uint32_t node = 0; node < nodes(bias); ++node)
                for (uint32_t corner = 0; corner < values; ++corner) {
                    const uint32_t place[3] = {node % bias.tableSize[0] + (corner & 1),
                                               node / bias.tableSize[0] % bias.tableSize[1] + (corner >> 1),
                                               node / bias.tableSize[0] / bias.tableSize[1]};
                    if (place[0] >= bias.tableSize[0] || place[1] >= bias.tableSize[1])
                        continue; // never read with a share that counts
                    double u[3];
                    for (uint32_t c = 0; c < bias.dims; ++c)
                        u[c] = bias.tableOrigin[c] + place[c] * double{bias.tableStep[c]};
                    expected.push_back(attention.mlp[0](u, output));
                    results.push_back(table.values[(std::size_t{output} * nodes(bias) + node) * values + corner]);
                }
        EXPECT_LE(relativeError(results, expected), 2e-6) << "table, shuffle " << shuffle;

        Operand dense(std::size_t{desc.batch} * desc.heads * desc.queries * desc.keys, untouched);
        run(denseBiasKernel(bias, desc.batch, desc.heads, desc.queries, desc.keys, device),
            {&attention.positionBias, &dense, &attention.positions});
        expected.clear();
        const uint32_t groups = desc.heads / bias.headsPerGroup;
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t h = 0; h < desc.heads; ++h)
                for (uint32_t i = 0; i < desc.queries; ++i)
                    for (uint32_t j = 0; j < desc.keys; ++j) {
                        double u[3];
                        distance(bias, attention.positions, i,
                                 std::size_t{b * groups + h / bias.headsPerGroup} * desc.keys + j, u);
                        expected.push_back(attention.mlp[0](u, h % bias.headsPerGroup));
                    }
        EXPECT_LE(relativeError(dense.values, expected), 2e-6) << "every pair, shuffle " << shuffle;
    }
}

// Along rows of queries, in blocks of them, of whole rows but for the last: networks of few units and many, with one to
// eight outputs, rows longer than a walk, shorter than a subgroup, and of one query; a key that has no place.
TEST_P(PositionBiasKernel, alongRowsFillsWhatTheMlpGives) {
    const DeviceProfile device = profile();
    if (!biasCanWalk(device))
        GTEST_SKIP() << "the profile has no subgroups that ballot and shuffle";
    struct Case {
        uint32_t width, headsPerGroup, queries, rowLength;
    };
    const Case cases[] = {{1, 1, 37, 5},      {11, 2, 61, 7},  {33, 4, 150, 30},
                          {128, 1, 1100, 64}, {130, 8, 90, 1}, {256, 3, 70, 70}};
    for (const Case& c : cases) {
        AttentionDesc desc = description(attentionCases[0]);
        desc.heads = desc.kvHeads = 2 * c.headsPerGroup;
        desc.queries = c.queries;
        desc.keys = 13;
        positionBias(desc, PositionBiasDesc::Mode::exact, GetParam(), c.headsPerGroup, false, c.rowLength);
        PositionBiasDesc& bias = desc.positionBias;
        bias.width = c.width;
        bias.logDistance = c.width % 2;
        for (uint32_t axis = 0; axis < bias.dims; ++axis)
            bias.divisor[axis] = static_cast<float>(std::max(bias.gridSize[axis], 2u) - 1);
        Attention attention(desc);
        constexpr std::size_t nowhere = 5; // the key, of the first group
        attention.positions.values[nowhere * bias.dims] = std::numeric_limits<double>::quiet_NaN();
        const uint32_t row = biasRowLength(bias), most = row * divideUp(divideUp(desc.queries, row), 3);
        std::vector<double> results, expected;
        for (uint32_t first = 0; first < desc.queries; first += most) {
            const BiasBlock block{desc.batch, desc.heads, first, std::min(most, desc.queries - first), desc.keys};
            Operand filled(std::size_t{desc.batch} * desc.heads * desc.keys * block.queries, untouched);
            run(biasWalkKernel(bias, block, device), {&attention.positionBias, &filled, &attention.positions});
            std::size_t at = 0;
            for (uint32_t b = 0; b < desc.batch; ++b)
                for (uint32_t h = 0; h < desc.heads; ++h)
                    for (uint32_t j = 0; j < desc.keys; ++j)
                        for (uint32_t i = 0; i < block.queries; ++i, ++at) {
                            const std::size_t key = std::size_t{b * 2 + h / bias.headsPerGroup} * desc.keys + j;
                            if (key == nowhere) {
                                EXPECT_TRUE(std::isnan(filled.values[at]));
                                continue;
                            }
                            double u[3];
                            distance(bias, attention.positions, first + i, key, u);
                            expected.push_back(attention.mlp[0](u, h % bias.headsPerGroup));
                            results.push_back(filled.values[at]);
                        }
        }
        EXPECT_LE(relativeError(results, expected), 2e-6) << c.width << " units";
    }
}

INSTANTIATE_TEST_SUITE_P(Dims, PositionBiasKernel, ::testing::Values(1u, 2u, 3u));

} // namespace
} // namespace saccade::test