// SPDX-License-Identifier: Apache-2.0
// Attention's features, alone and mixed, against a float64 evaluation of AttentionDesc's words: as cut for the test
// device, as cut for a GPU (keys in shared memory, channels split over lanes) and with the keys split over workgroups.
#include "kernels/attention.hpp"

#include <gtest/gtest.h>

#include <string>

#include "attention_cases.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

class AttentionKernel : public KernelTest, public ::testing::WithParamInterface<AttentionCase> {
protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (description(GetParam()).half && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
    }

    std::vector<double> runScores(Attention attention, AttentionStage stage, float mark = 0) {
        std::vector<Operand*> operands = attention.operands();
        operands[operandNumber(AttentionOperand::v)] = nullptr;
        Operand scores(attention.scores[0].size(), untouched, attention.out.type);
        operands[operandNumber(AttentionOperand::out)] = &scores;
        run(attentionScoresKernel(attention.desc, stage, mark), operands);
        return scores.values;
    }

    double tolerance(const Attention& attention) const { return attention.desc.half ? 1e-3 : 5e-6; }

    void expectAttention(Attention& attention, const AttentionTuning& tuning) {
        run(attentionKernel(attention.desc, tuning), attention.operands());
        std::vector<double> results, expected;
        for (std::size_t i = 0; i < attention.expected.size(); ++i)
            if (attention.expected[i] == untouched)
                ASSERT_EQ(attention.out.values[i], untouched) << "a write between rows, at " << i;
            else {
                results.push_back(attention.out.values[i]);
                expected.push_back(attention.expected[i]);
            }
        EXPECT_LE(relativeError(results, expected), tolerance(attention));
    }
};

TEST_P(AttentionKernel, asCutForTheDevice) {
    Attention attention(description(GetParam()));
    expectAttention(attention, attentionTuning(attention.desc, profile()));
}

TEST_P(AttentionKernel, scores) {
    const Attention attention(description(GetParam()));
    for (int stage = 0; stage < 4; ++stage) {
        const float mark = -2048;
        const std::vector<double> written = runScores(attention, static_cast<AttentionStage>(stage), mark);
        std::vector<double> expected = attention.scores[stage], results = written;
        for (std::size_t i = 0; i < expected.size(); ++i)
            if (expected[i] == hidden) {
                ASSERT_EQ(results[i], mark) << "stage " << stage << ", at " << i;
                results[i] = expected[i] = 0;
            }
        EXPECT_LE(relativeError(results, expected), tolerance(attention)) << "stage " << stage;
    }
}

// Scores in the thousands, whose rounding alone moves them by more than any tolerance: each row is a softmax all the
// same, of whatever its scores were rounded to. There are more keys than a row has lanes.
TEST_P(AttentionKernel, largeScoresSumToOne) {
    AttentionDesc desc = description(GetParam());
    desc.scale *= 3000;
    const Attention attention(desc);
    const std::vector<double> weights = runScores(attention, AttentionStage::softmax);
    for (std::size_t row = 0; row < weights.size() / desc.keys; ++row) {
        double sum = 0, expected = 0;
        for (std::size_t j = row * desc.keys; j < (row + 1) * desc.keys; ++j) {
            EXPECT_GE(weights[j], 0);
            sum += weights[j];
            expected += attention.scores[3][j];
        }
        ASSERT_NEAR(sum, expected, desc.half ? 1e-3 : 1e-6) << "row " << row;
    }
}

TEST_P(AttentionKernel, asCutForGpu) {
    Attention attention(description(GetParam()));
    const AttentionTuning tuning = attentionTuning(attention.desc, gpuProfile());
    EXPECT_GT(tuning.stagedKeys, 0u);
    expectAttention(attention, tuning);
}

TEST_P(AttentionKernel, splitKeys) {
    Attention attention(description(GetParam()));
    expectAttention(attention, splitKeys());
}

INSTANTIATE_TEST_SUITE_P(Features, AttentionKernel, ::testing::ValuesIn(attentionCases),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace saccade::test
