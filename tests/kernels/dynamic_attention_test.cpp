// SPDX-License-Identifier: Apache-2.0
// Dynamic sparse attention against float64: both selections over every way to find the bound, exact ties, NaN and
// infinity, as cut for the test device and for a GPU.
//
// A selection turns on comparisons, where float32 and float64 may differ about scores that are all but equal. Queries
// whose choice such scores would decide are drawn anew; ties are exact or not at all.
#include "kernels/sparse_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "base/error.hpp"
#include "reference/random.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();

// A float64 evaluation of the header's definition, and the operands it is of.
class Selection {
public:
    explicit Selection(const DynamicAttentionDesc& desc)
        : desc(desc), q(extent(desc.q), 0, desc.storage), k(extent(desc.k), 0, desc.storage),
          v(extent(desc.v), 0, desc.storage), out(extent(desc.out), untouched, desc.storage),
          random_(desc.tokens * 100 + desc.headDim) {
        for (Operand* operand : {&q, &k, &v})
            for (double& value : operand->values)
                value = rounded(random_.normal(), desc.storage);
        eachRow([&](uint32_t b, uint32_t h, uint32_t i) {
            for (uint32_t tries = 0; isClose(b, h, i) && tries < 100; ++tries)
                for (uint32_t c = 0; c < desc.headDim; ++c)
                    q.values[at(desc.q, b, h, i, c)] = rounded(random_.normal(), desc.storage);
            EXPECT_FALSE(isClose(b, h, i)) << "no query whose choice is clear";
        });
    }

    static std::size_t at(const AttentionView& view, uint32_t b, uint32_t h, uint32_t n, uint32_t c) {
        return view.offset + std::size_t{b} * view.batchStride + h * view.headStride + n * view.tokenStride + c;
    }

    void eachRow(const std::function<void(uint32_t b, uint32_t h, uint32_t i)>& visit) const {
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t h = 0; h < desc.heads; ++h)
                for (uint32_t i = 0; i < desc.tokens; ++i)
                    visit(b, h, i);
    }

    std::vector<double> scores(uint32_t b, uint32_t h, uint32_t i) const {
        std::vector<double> result(desc.tokens);
        for (uint32_t j = 0; j < desc.tokens; ++j) {
            double sum = 0;
            for (uint32_t c = 0; c < desc.headDim; ++c)
                sum += q.values[at(desc.q, b, h, i, c)] * k.values[at(desc.k, b, h, j, c)];
            result[j] = desc.scale * sum;
        }
        return result;
    }

    double leastKept(std::vector<double> row) const {
        if (desc.select == KeySelection::threshold)
            return *std::max_element(row.begin(), row.end()) - desc.threshold;
        const auto place = row.begin() + std::min(desc.topK, desc.tokens) - 1;
        std::nth_element(row.begin(), place, row.end(), std::greater<>());
        return *place;
    }

    std::vector<double> expected() const {
        std::vector<double> result(out.values.size(), untouched);
        eachRow([&](uint32_t b, uint32_t h, uint32_t i) {
            const std::vector<double> row = scores(b, h, i);
            const bool isNan = std::any_of(row.begin(), row.end(), [](double s) { return std::isnan(s); });
            const double highest = *std::max_element(row.begin(), row.end()), least = isNan ? 0 : leastKept(row);
            for (uint32_t c = 0; c < desc.headDim; ++c) {
                double sum = 0, total = 0;
                for (uint32_t j = 0; j < desc.tokens; ++j)
                    if (row[j] >= least) {
                        total += std::exp(row[j] - highest);
                        sum += std::exp(row[j] - highest) * v.values[at(desc.v, b, h, j, c)];
                    }
                result[at(desc.out, b, h, i, c)] = isNan ? nan : sum / total;
            }
        });
        return result;
    }

    DynamicAttentionDesc desc;
    Operand q, k, v, out;

private:
    // Whether the last score kept and the first one not kept, or any score and the highest less the threshold, are
    // nearer than float32 can tell.
    bool isClose(uint32_t b, uint32_t h, uint32_t i) const {
        const std::vector<double> row = scores(b, h, i);
        const double least = leastKept(row);
        double scale = 0, gap = infinity;
        for (double score : row) {
            scale = std::max(scale, std::abs(score));
            if (score < least || desc.select == KeySelection::threshold)
                gap = std::min(gap, std::abs(score - least));
        }
        return desc.threshold > 0 || desc.select == KeySelection::topK ? gap < 1e-5 * scale : false;
    }

    std::size_t extent(const AttentionView& view) const {
        return at(view, desc.batch - 1, desc.heads - 1, desc.tokens - 1, desc.headDim - 1) + 1;
    }

    reference::Random random_;
};

DynamicAttentionDesc attention(uint32_t batch, uint32_t heads, uint32_t tokens, uint32_t headDim) {
    DynamicAttentionDesc desc;
    desc.batch = batch;
    desc.heads = heads;
    desc.tokens = tokens;
    desc.headDim = headDim;
    desc.scale = 1 / std::sqrt(static_cast<float>(headDim));
    desc.q = desc.k = desc.v = desc.out = AttentionView::tokens(tokens, heads * headDim, headDim);
    return desc;
}

DynamicAttentionDesc top(DynamicAttentionDesc desc, uint32_t k) {
    desc.select = KeySelection::topK;
    desc.topK = k;
    return desc;
}

DynamicAttentionDesc within(DynamicAttentionDesc desc, float threshold) {
    desc.select = KeySelection::threshold;
    desc.threshold = threshold;
    return desc;
}

DynamicAttentionDesc halves(DynamicAttentionDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

// q, k and v as slices of one width, out by heads.
DynamicAttentionDesc sliced(DynamicAttentionDesc desc, uint32_t gap) {
    const uint32_t width = desc.heads * desc.headDim + gap;
    desc.q = AttentionView::tokens(desc.tokens, width, desc.headDim, gap);
    desc.k = AttentionView::tokens(desc.tokens, width + gap, desc.headDim, 0);
    desc.out = AttentionView::heads(desc.heads, desc.tokens, desc.headDim);
    return desc;
}

class DynamicAttention : public KernelTest {
protected:
    void expectResults(Selection selection) {
        const DynamicAttentionDesc& desc = selection.desc;
        if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
        const std::vector<double> expected = selection.expected();
        for (const DeviceProfile& device : {profile(), gpuProfile()}) {
            SCOPED_TRACE(device.isCpu() ? "the device's mapping" : "a GPU's mapping");
            std::ranges::fill(selection.out.values, untouched);
            run(dynamicAttention(desc, device), {&selection.q, &selection.k, &selection.v, &selection.out});
            std::vector<double> results, wanted;
            for (std::size_t i = 0; i < expected.size(); ++i) {
                const double result = selection.out.values[i];
                if (expected[i] == untouched || !std::isfinite(expected[i])) {
                    ASSERT_TRUE(result == expected[i] || (std::isnan(result) && std::isnan(expected[i])))
                        << result << " instead of " << expected[i] << " at " << i;
                } else {
                    results.push_back(result);
                    wanted.push_back(expected[i]);
                }
            }
            EXPECT_LE(relativeError(results, wanted), desc.storage == DataType::f16 ? 1e-3 : 2e-6);
        }
    }
};

struct Case {
    const char* name;
    DynamicAttentionDesc desc;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

class DynamicAttentionShapes : public DynamicAttention, public ::testing::WithParamInterface<Case> {};

TEST_P(DynamicAttentionShapes, agreeWithFloat64) { expectResults(Selection(GetParam().desc)); }

INSTANTIATE_TEST_SUITE_P(
    Cases, DynamicAttentionShapes,
    ::testing::Values(
        Case{"oneToken", top(attention(2, 3, 1, 5), 1)}, Case{"oneTokenThreshold", within(attention(1, 2, 1, 64), 0)},
        Case{"oneKey", top(attention(2, 2, 75, 16), 1)}, Case{"twoKeys", top(attention(1, 3, 33, 7), 2)},
        Case{"heap", top(attention(2, 2, 130, 64), 13)}, Case{"fullHeap", top(attention(1, 2, 200, 12), 32)},
        Case{"digits", top(attention(2, 2, 200, 12), 33)}, Case{"manyDigits", top(attention(1, 1, 1500, 4), 700)},
        Case{"allButOne", top(attention(1, 2, 77, 9), 76)}, Case{"all", top(attention(2, 1, 40, 8), 40)},
        Case{"moreThanAll", top(attention(1, 2, 41, 3), 1000)}, Case{"oneChannel", top(attention(1, 2, 90, 1), 5)},
        Case{"manyChannels", top(attention(1, 1, 50, 256), 6)},
        Case{"manyOddChannels", top(attention(1, 1, 37, 255), 34)}, Case{"best", within(attention(2, 2, 60, 10), 0)},
        Case{"nearBest", within(attention(2, 3, 111, 24), 0.7f)},
        Case{"farFromBest", within(attention(1, 2, 50, 16), 1e30f)},
        Case{"slices", top(sliced(attention(2, 2, 45, 8), 4), 9)},
        Case{"oddSlices", within(sliced(attention(2, 3, 45, 7), 5), 1)},
        Case{"halves", halves(top(attention(2, 2, 130, 32), 13))},
        Case{"halfDigits", halves(top(attention(1, 2, 130, 13), 50))},
        Case{"halvesNearBest", halves(within(attention(1, 2, 70, 20), 1.5f))}),
    [](const auto& info) { return std::string(info.param.name); });

// Small integers, whose products float32 holds exactly, so that most scores are shared by many keys.
TEST_F(DynamicAttention, keepsAllKeysThatTie) {
    for (uint32_t k : {1u, 5u, 32u, 40u, 90u}) {
        SCOPED_TRACE("k = " + std::to_string(k));
        DynamicAttentionDesc desc = attention(1, 2, 100, 4);
        desc.scale = 0.5f;
        Selection selection(within(desc, 0));
        selection.desc = top(desc, k);
        reference::Random random(k);
        for (Operand* operand : {&selection.q, &selection.k})
            for (double& value : operand->values)
                value = static_cast<double>(random.index(3)) - 1;
        expectResults(selection);
        selection.desc = within(desc, 0.5f);
        expectResults(selection);
    }
}

// The tenth key of a query, once as the last of two equal keys and once as one of fifty.
TEST_F(DynamicAttention, keepsDuplicatedKeys) {
    for (const uint32_t copies : {2u, 50u}) {
        const DynamicAttentionDesc desc = attention(1, 1, 100, 31);
        Selection selection(top(desc, 10));
        for (uint32_t i = 0; i < desc.tokens; ++i)
            for (uint32_t c = 0; c < desc.headDim; ++c)
                selection.k.values[i * desc.headDim + c] = selection.k.values[i / copies * copies * desc.headDim + c];
        expectResults(selection);
    }
}

// Scores of 0 and -0 are equal.
TEST_F(DynamicAttention, keepsAllWhereAllScoresAreZero) {
    for (const DynamicAttentionDesc& desc :
         {top(attention(1, 1, 70, 6), 3), top(attention(1, 1, 70, 6), 44), within(attention(1, 1, 70, 6), 0)}) {
        Selection selection(desc);
        std::ranges::fill(selection.q.values, 0);
        for (std::size_t i = 0; i < selection.q.values.size(); i += 7)
            selection.q.values[i] = -0.0;
        expectResults(selection);
    }
}

TEST_F(DynamicAttention, notANumberReachesItsRowsOnly) {
    for (const DynamicAttentionDesc& desc :
         {top(attention(2, 2, 40, 6), 3), top(attention(2, 2, 80, 6), 35), within(attention(2, 2, 40, 6), 1)}) {
        Selection query(desc); // one row
        query.q.values[Selection::at(desc.q, 1, 0, 17, 2)] = nan;
        expectResults(query);
        Selection key(desc); // all rows of one head
        key.k.values[Selection::at(desc.k, 0, 1, 39, 0)] = -nan;
        expectResults(key);
        Selection value(desc); // the rows that keep the key
        value.v.values[Selection::at(desc.v, 1, 1, 5, 3)] = nan;
        value.v.values[Selection::at(desc.v, 0, 1, 8, 3)] = infinity;
        expectResults(value);
    }
}

// -inf scores are the last to be kept, with weight 0; a softmax that has inf, or nothing but -inf, is NaN.
TEST_F(DynamicAttention, infinitiesAreAsInPyTorch) {
    for (const DynamicAttentionDesc& desc : {top(attention(1, 1, 40, 4), 38), top(attention(1, 1, 40, 4), 40),
                                             top(attention(1, 1, 40, 4), 2), within(attention(1, 1, 40, 4), 1e30f)}) {
        Selection selection(desc);
        for (double& value : selection.q.values)
            value = std::abs(value) + 0.1;
        for (const uint32_t key : {3u, 20u, 21u, 39u})
            selection.k.values[Selection::at(desc.k, 0, 0, key, 1)] = -infinity;
        expectResults(selection);
        selection.k.values[Selection::at(desc.k, 0, 0, 30, 2)] = infinity;
        expectResults(selection);
        std::ranges::fill(selection.k.values, -infinity);
        expectResults(selection);
    }
}

TEST_F(DynamicAttention, refusesWhatIsOutOfRange) {
    EXPECT_THROW(dynamicAttention(top(attention(1, 1, 4, 4), 0), profile()), Error);
    EXPECT_THROW(dynamicAttention(top(attention(1, 1, 4, 257), 1), profile()), Error);
    EXPECT_THROW(dynamicAttention(top(attention(1, 1, 0, 4), 1), profile()), Error);
    EXPECT_THROW(dynamicAttention(within(attention(1, 1, 4, 4), -1), profile()), Error);
    EXPECT_THROW(dynamicAttention(within(attention(1, 1, 4, 4), static_cast<float>(nan)), profile()), Error);
}

} // namespace
} // namespace saccade::test
