// SPDX-License-Identifier: Apache-2.0
// NaN and infinities in attention: they reach the rows that PyTorch's float64 lets them reach and no others, however
// the kernel is cut, and hidden keys keep theirs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "attention_cases.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// NaN where NaN is expected, infinities as expected, and the rest within the tolerance.
void expectSpecial(const std::vector<double>& results, const std::vector<double>& expected, double tolerance) {
    ASSERT_EQ(results.size(), expected.size());
    std::vector<double> finiteResults, finiteExpected;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (std::isnan(expected[i])) {
            ASSERT_TRUE(std::isnan(results[i])) << "at " << i << ": " << results[i] << " instead of NaN";
        } else if (std::isinf(expected[i]) || expected[i] == untouched) {
            ASSERT_EQ(results[i], expected[i]) << "at " << i;
        } else {
            ASSERT_TRUE(std::isfinite(results[i])) << "at " << i << ": " << results[i] << " instead of " << expected[i];
            finiteResults.push_back(results[i]);
            finiteExpected.push_back(expected[i]);
        }
    ASSERT_GT(finiteExpected.size(), expected.size() / 20) << "hardly a number is left to compare";
    EXPECT_LE(relativeError(finiteResults, finiteExpected), tolerance);
}

void expectSomeNan(const std::vector<double>& expected) {
    EXPECT_TRUE(std::any_of(expected.begin(), expected.end(), [](double x) { return std::isnan(x); }));
}

class AttentionSpecial : public KernelTest, public ::testing::WithParamInterface<AttentionCase> {
protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (description(GetParam()).half && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
    }

    double tolerance(const Attention& attention) const { return attention.desc.half ? 1e-3 : 5e-6; }

    void expectInEveryCut(Attention& attention) {
        attention.evaluate();
        for (const AttentionTuning& tuning :
             {attentionTuning(attention.desc, profile()), attentionTuning(attention.desc, gpuProfile()), splitKeys()}) {
            std::fill(attention.out.values.begin(), attention.out.values.end(), untouched);
            run(attentionKernel(attention.desc, tuning), attention.operands());
            SCOPED_TRACE("lanes " + std::to_string(tuning.lanes) + ", parts " + std::to_string(tuning.parts) +
                         ", staged keys " + std::to_string(tuning.stagedKeys));
            expectSpecial(attention.out.values, attention.expected, tolerance(attention));
        }
        std::vector<Operand*> operands = attention.operands();
        operands[operandNumber(AttentionOperand::v)] = nullptr;
        Operand scores(attention.scores[3].size(), untouched, attention.out.type);
        operands[operandNumber(AttentionOperand::out)] = &scores;
        run(attentionScoresKernel(attention.desc, AttentionStage::softmax, 0), operands);
        SCOPED_TRACE("softmax");
        expectSpecial(scores.values, attention.scores[3], tolerance(attention));
    }
};

// Queries and keys. Each head has its own, so that most rows stay clean.
TEST_P(AttentionSpecial, scores) {
    Attention attention(description(GetParam()));
    const AttentionDesc& d = attention.desc;
    const uint32_t lastQuery = d.queries - 1, lastKey = d.keys - 1, lastBatch = d.batch - 1;
    const auto q = [&](uint32_t b, uint32_t h, uint32_t i, uint32_t c) -> double& {
        return attention.q.values[Attention::at(d.q, b, h, std::min(i, lastQuery), c)];
    };
    const auto k = [&](uint32_t b, uint32_t h, uint32_t j, uint32_t c) -> double& {
        return attention.k.values[Attention::at(d.k, b, h % d.kvHeads, std::min(j, lastKey), c)];
    };
    q(0, 0, 5, 3) = nan;
    q(lastBatch, 0, 30, d.headDim - 1) = -nan;
    q(0, 0, 11, 0) = infinity;               // +inf with some keys: the whole row is NaN
    k(0, 1, 31, 2) = nan;                    // where masks let nobody see it, nobody is NaN
    k(lastBatch, 1, lastKey, 0) = -infinity; // a weight of zero in some rows, NaN in the others
    expectInEveryCut(attention);
    expectSomeNan(attention.expected);
}

// Values. Where a key is hidden, its weight of zero times infinity must not become NaN.
TEST_P(AttentionSpecial, values) {
    Attention attention(description(GetParam()));
    const AttentionDesc& d = attention.desc;
    const uint32_t lastKey = d.keys - 1, lastBatch = d.batch - 1, lastChannel = d.valueDim - 1;
    const auto v = [&](uint32_t b, uint32_t h, uint32_t j, uint32_t c) -> double& {
        return attention.v.values[Attention::at(d.v, b, h % d.kvHeads, std::min(j, lastKey), c)];
    };
    v(0, 0, lastKey, 2) = infinity;
    v(0, 0, 7, lastChannel) = -infinity;
    v(0, 1, 3, 0) = nan;
    v(0, 1, 20, 1) = infinity; // of both signs: NaN for those who see both
    v(0, 1, 21, 1) = -infinity;
    for (uint32_t c = 0; c < d.valueDim; ++c) // memory that was never written
        v(lastBatch, 0, lastKey - 1, c) = nan;
    expectInEveryCut(attention);
}

class AttentionPositions : public AttentionSpecial {};

// Positions that are not finite make every score of their key NaN.
TEST_P(AttentionPositions, notFinite) {
    Attention attention(description(GetParam()));
    // Of one group of heads each.
    attention.positions.values[4 * attention.desc.positionBias.dims] = nan;
    attention.positions.values.back() = -infinity;
    expectInEveryCut(attention);
    expectSomeNan(attention.expected);
}

std::vector<AttentionCase> named(std::initializer_list<std::string_view> names) {
    std::vector<AttentionCase> result;
    for (const AttentionCase& c : attentionCases)
        if (std::find(names.begin(), names.end(), c.name) != names.end())
            result.push_back(c);
    return result;
}

std::string nameOf(const ::testing::TestParamInfo<AttentionCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Features, AttentionSpecial,
                         ::testing::ValuesIn(named({"plain", "oddWidths", "wideHeads", "sharedKeys", "halves",
                                                    "biasAndCap", "capThenBias", "keyMask", "emptyRows", "lengths",
                                                    "maskFromLength", "blocks", "window", "columns",
                                                    "exactVolumeAndMask"})),
                         nameOf);
INSTANTIATE_TEST_SUITE_P(Biased, AttentionPositions, ::testing::ValuesIn(named({"exactBias", "tableOfCorners"})),
                         nameOf);

} // namespace
} // namespace saccade::test
