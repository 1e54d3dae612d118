// Attention's features, alone and mixed, against a float64 evaluation of AttentionDesc's words: as cut for the test
// device, as cut for a GPU (keys in shared memory, channels split over lanes) and with the keys split over workgroups.
#include "kernels/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "kernels/attention_tuning.hpp"
#include "kernels/position_bias.hpp"
#include "reference/random.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

using Mode = PositionBiasDesc::Mode;

constexpr double hidden = -std::numeric_limits<double>::infinity();

// The MLP of a position bias.
struct Mlp {
    Mlp(const PositionBiasDesc& desc, reference::Random& random)
        : dims(desc.dims), width(desc.width), outputs(desc.headsPerGroup) {
        const auto fill = [&](std::vector<float>& values, std::size_t count, uint32_t fanIn) {
            values.resize(count);
            for (float& value : values)
                value = static_cast<float>(random.uniform(-1, 1) / std::sqrt(fanIn));
        };
        fill(first, width * dims, dims);
        fill(firstBias, width, dims);
        fill(second, width * width, width);
        fill(secondBias, width, width);
        fill(last, outputs * width, width);
        fill(lastBias, outputs, width);
    }

    double operator()(const double* u, uint32_t output) const {
        std::vector<double> inner(width);
        for (uint32_t i = 0; i < width; ++i) {
            double sum = firstBias[i];
            for (uint32_t c = 0; c < dims; ++c)
                sum += first[i * dims + c] * u[c];
            inner[i] = std::max(sum, 0.0);
        }
        double result = lastBias[output];
        for (uint32_t o = 0; o < width; ++o) {
            double sum = secondBias[o];
            for (uint32_t i = 0; i < width; ++i)
                sum += second[o * width + i] * inner[i];
            result += last[output * width + o] * std::max(sum, 0.0);
        }
        return result;
    }

    Operand packed() const {
        std::vector<float> values(packedPositionBiasSize(dims, width, outputs));
        packPositionBias({dims, width, outputs, first, firstBias, second, secondBias, last, lastBias}, values);
        return Operand(std::vector<double>(values.begin(), values.end()));
    }

    uint32_t dims, width, outputs;
    std::vector<float> first, firstBias, second, secondBias, last, lastBias;
};

uint32_t nodes(const PositionBiasDesc& bias) { return bias.tableSize[0] * bias.tableSize[1] * bias.tableSize[2]; }

// The vector from a query to a key as the bias is a function of it.
void distance(const PositionBiasDesc& bias, const Operand& positions, uint32_t query, std::size_t key, double* u) {
    for (uint32_t c = 0; c < bias.dims; ++c) {
        const double from = 2.0 * ((query / bias.gridStride[c]) % bias.gridSize[c]) / bias.divisor[c] - 1;
        const double p = from - positions.values[key * bias.dims + c];
        u[c] = bias.logDistance ? std::copysign(std::log(std::abs(p) + 1), p) : p;
    }
}

// A description's operands, filled at random, and what the description makes of them.
class Attention {
public:
    explicit Attention(const AttentionDesc& desc) : desc(desc), random_(desc.queries * 100 + desc.headDim) {
        const DataType storage = desc.half ? DataType::f16 : DataType::f32;
        q = floats(extent(desc.q, desc.heads, desc.queries, desc.headDim), 1.7, storage);
        k = floats(extent(desc.k, desc.kvHeads, desc.keys, desc.headDim), 1.7, storage);
        v = floats(extent(desc.v, desc.kvHeads, desc.keys, desc.valueDim), 1.7, storage);
        out = Operand(extent(desc.out, desc.heads, desc.queries, desc.valueDim), untouched, storage);
        const PositionBiasDesc& bias = desc.positionBias;
        if (bias.mode != Mode::none)
            positions = floats(std::size_t{desc.batch} * desc.heads / bias.headsPerGroup * desc.keys * bias.dims, 1.5);
        if (bias.mode == Mode::exact) {
            mlp.emplace_back(bias, random_);
            positionBias = mlp[0].packed();
        } else if (bias.mode == Mode::table) {
            table_ = floats(std::size_t{bias.headsPerGroup} * nodes(bias), 1);
            positionBias = bias.tableQuads ? quads() : table_;
        }
        const auto covered = [&](const std::array<uint32_t, 4>& strides, uint32_t queries) {
            return std::size_t{desc.batch - 1} * strides[0] + (desc.heads - 1) * strides[1] +
                   (queries - 1) * strides[2] + (desc.keys - 1) * strides[3] + 1;
        };
        if (desc.denseBias) {
            denseBias = floats(desc.denseBiasOffset + covered(desc.denseBiasStrides, desc.queries), 2);
            for (std::size_t i = 0; i < denseBias.values.size(); i += 13)
                denseBias.values[i] = i % 2 ? hidden : -std::numeric_limits<float>::max();
        }
        slopes = floats(desc.heads, 0.3);
        keyMask = bytes(std::size_t{desc.batch} * desc.keyMaskStride, 0.6);
        staticMask = bytes(desc.staticMask ? covered(desc.staticMaskStrides, desc.queries + 20) : 0, 0.6);
        if (desc.pattern == AttentionPattern::blocks)
            layout = bytes(std::size_t{desc.layoutPerHead ? desc.heads : 1} * divideUp(desc.queries, desc.blockSize) *
                               divideUp(desc.keys, desc.blockSize),
                           0.4);
        lengths = Operand({5, 9}, DataType::i32);
        evaluate();
    }

    std::vector<Operand*> operands() {
        std::vector<Operand*> all{&q, &k, &v, &out};
        const auto add = [&](bool present, Operand& operand) {
            if (present)
                all.push_back(&operand);
        };
        add(desc.positionBias.mode != Mode::none, positions);
        add(desc.positionBias.mode != Mode::none, positionBias);
        add(desc.denseBias, denseBias);
        add(desc.alibi, slopes);
        add(desc.keyMask, keyMask);
        add(desc.staticMask, staticMask);
        add(desc.pattern == AttentionPattern::blocks, layout);
        add(desc.lengths, lengths);
        return all;
    }

    static std::size_t at(const AttentionView& view, uint32_t b, uint32_t h, uint32_t n, uint32_t c) {
        return view.offset + std::size_t{b} * view.batchStride + h * view.headStride + n * view.tokenStride + c;
    }

    AttentionDesc desc;
    std::vector<Mlp> mlp;
    Operand q, k, v, out, positions, positionBias, denseBias, slopes, keyMask, staticMask, layout, lengths;
    std::vector<double> expected;  ///< in the places of `out`
    std::vector<double> scores[4]; ///< per AttentionStage; `hidden` for hidden keys

private:
    std::size_t extent(const AttentionView& view, uint32_t heads, uint32_t tokens, uint32_t width) const {
        return at(view, desc.batch - 1, heads - 1, tokens - 1, width - 1) + 1;
    }
    Operand floats(std::size_t count, double range, DataType type = DataType::f32) {
        Operand operand(count, 0, type);
        for (double& value : operand.values)
            value = rounded(random_.uniform(-range, range), type);
        return operand;
    }
    Operand bytes(std::size_t count, double share) {
        Operand operand(count, 0, DataType::u8);
        for (double& value : operand.values)
            value = random_.uniform(0, 1) < share ? 1 + static_cast<double>(random_.index(255)) : 0;
        return operand;
    }

    // Each node with its neighbours on axes 0 and 1; beyond the table stands what would be seen in any result.
    Operand quads() const {
        const PositionBiasDesc& bias = desc.positionBias;
        Operand result(table_.values.size() * 4, 1e30f);
        for (std::size_t i = 0; i < table_.values.size(); ++i)
            for (uint32_t corner = 0; corner < 4; ++corner) {
                const uint32_t right = corner & 1, down = corner >> 1;
                if (i % bias.tableSize[0] + right < bias.tableSize[0] &&
                    i / bias.tableSize[0] % bias.tableSize[1] + down < bias.tableSize[1])
                    result.values[i * 4 + corner] = table_.values[i + right + down * bias.tableSize[0]];
            }
        return result;
    }

    double tableAt(const double* u, uint32_t output) const {
        const PositionBiasDesc& bias = desc.positionBias;
        uint32_t node[3] = {0, 0, 0};
        double share[3] = {0, 0, 0};
        for (uint32_t c = 0; c < bias.dims; ++c) {
            const double t = std::clamp((u[c] - bias.tableOrigin[c]) / bias.tableStep[c], 0.0, bias.tableSize[c] - 1.0);
            node[c] = std::min(static_cast<uint32_t>(t), bias.tableSize[c] - 2);
            share[c] = t - node[c];
        }
        double result = 0;
        for (uint32_t corner = 0; corner < 1u << bias.dims; ++corner) {
            double weight = 1;
            uint32_t place[3];
            for (uint32_t c = 0; c < 3; ++c) {
                const uint32_t up = corner >> c & 1;
                place[c] = node[c] + up;
                if (c < bias.dims)
                    weight *= up ? share[c] : 1 - share[c];
            }
            result += weight * table_.values[std::size_t{output} * nodes(bias) +
                                             (place[2] * bias.tableSize[1] + place[1]) * bias.tableSize[0] + place[0]];
        }
        return result;
    }

    double positionBiasOf(uint32_t b, uint32_t h, uint32_t i, uint32_t j) const {
        const PositionBiasDesc& bias = desc.positionBias;
        if (bias.mode == Mode::none)
            return 0;
        const uint32_t groups = desc.heads / bias.headsPerGroup;
        double u[3];
        distance(bias, positions, i, std::size_t{b * groups + h / bias.headsPerGroup} * desc.keys + j, u);
        return bias.mode == Mode::exact ? mlp[0](u, h % bias.headsPerGroup) : tableAt(u, h % bias.headsPerGroup);
    }

    int64_t length(uint32_t b) const {
        const int64_t read = desc.lengths ? static_cast<int64_t>(lengths.values[desc.lengthsPerBatch ? b : 0]) : 0;
        return desc.keysFromLength ? std::clamp<int64_t>(read, 0, int64_t{desc.keys} - desc.keysPlus) : read;
    }
    int64_t keyCount(uint32_t b) const { return desc.keysFromLength ? length(b) + desc.keysPlus : desc.keys; }

    bool keptByMask(uint32_t b, uint32_t j) const {
        return !desc.keyMask || j < desc.leadingKeys ||
               keyMask.values[std::size_t{b} * desc.keyMaskStride + j - desc.leadingKeys] != 0;
    }

    bool inPattern(uint32_t b, uint32_t h, uint32_t i, uint32_t j) const {
        if (desc.pattern == AttentionPattern::dense)
            return keptByMask(b, j);
        if (desc.pattern == AttentionPattern::blocks) {
            const uint32_t rows = divideUp(desc.queries, desc.blockSize), columns = divideUp(desc.keys, desc.blockSize);
            return keptByMask(b, j) &&
                   layout.values[((desc.layoutPerHead ? h : 0) * rows + i / desc.blockSize) * columns +
                                 j / desc.blockSize] != 0;
        }
        const uint32_t text = desc.textLength, side = desc.imageSize;
        if (i < text)
            return j <= i;
        if (j < text)
            return keptByMask(b, j);
        const int y = static_cast<int>((i - text) / side), x = static_cast<int>((i - text) % side);
        const int up = y - static_cast<int>((j - text) / side), left = x - static_cast<int>((j - text) % side);
        if (desc.pattern == AttentionPattern::axialRow)
            return up == 0 && left >= 0;
        if (desc.pattern == AttentionPattern::axialColumn)
            return left == 0 && up >= 0;
        const int dilation = static_cast<int>(desc.windowDilation), size = static_cast<int>(desc.windowSize);
        return up >= 0 && left >= 0 && up % dilation == 0 && left % dilation == 0 && up / dilation < size &&
               left / dilation < size;
    }

    bool visible(uint32_t b, uint32_t h, uint32_t i, uint32_t j) const {
        if (j >= keyCount(b) || !inPattern(b, h, i, j))
            return false;
        if (desc.causal && int64_t{j} > int64_t{i} + desc.causalOffset + (desc.causalFromLength ? length(b) : 0))
            return false;
        const auto& s = desc.staticMaskStrides;
        const int64_t row = int64_t{i} + desc.staticMaskQueryOffset + (desc.staticMaskFromLength ? length(b) : 0);
        return !desc.staticMask ||
               staticMask.values[b * s[0] + h * s[1] + static_cast<std::size_t>(row) * s[2] + j * s[3]] != 0;
    }

    void evaluate() {
        expected.assign(out.values.size(), untouched);
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t h = 0; h < desc.heads; ++h)
                for (uint32_t i = 0; i < desc.queries; ++i)
                    evaluateQuery(b, h, i);
    }

    void evaluateQuery(uint32_t b, uint32_t h, uint32_t i) {
        const uint32_t keyHead = h / (desc.heads / desc.kvHeads);
        const auto cap = [&](double x) { return desc.softcap > 0 ? desc.softcap * std::tanh(x / desc.softcap) : x; };
        const auto& s = desc.denseBiasStrides;
        std::vector<double> score(desc.keys);
        for (uint32_t j = 0; j < desc.keys; ++j) {
            double x = 0;
            for (uint32_t c = 0; c < desc.headDim; ++c)
                x += q.values[at(desc.q, b, h, i, c)] * k.values[at(desc.k, b, keyHead, j, c)];
            x *= desc.scale;
            scores[0].push_back(x);
            const double capped = desc.softcapBeforeBias ? cap(x) : x;
            x = capped + positionBiasOf(b, h, i, j);
            if (desc.denseBias && j >= desc.leadingKeys)
                x += denseBias
                         .values[desc.denseBiasOffset + b * s[0] + h * s[1] + i * s[2] + (j - desc.leadingKeys) * s[3]];
            if (desc.alibi)
                x -= slopes.values[h] * std::abs(static_cast<double>(j) - (i + keyCount(b) - desc.queries));
            if (x < -1.5e38 || !visible(b, h, i, j))
                x = hidden;
            scores[1].push_back(x);
            if (x != hidden && !desc.softcapBeforeBias)
                x = cap(x);
            scores[2].push_back(desc.softcapBeforeBias ? capped : x);
            score[j] = x;
        }
        const double most = *std::max_element(score.begin(), score.end());
        std::vector<double> share(desc.keys, 0);
        double sum = 0;
        for (uint32_t j = 0; j < desc.keys; ++j) {
            if (most != hidden)
                share[j] = std::exp(score[j] - most);
            else if (desc.empty == AttentionDesc::Empty::average && j < keyCount(b))
                share[j] = 1;
            sum += share[j];
        }
        for (double& value : share)
            value = sum > 0 ? value / sum : 0;
        scores[3].insert(scores[3].end(), share.begin(), share.end());
        for (uint32_t c = 0; c < desc.valueDim; ++c) {
            double value = 0;
            for (uint32_t j = 0; j < desc.keys; ++j)
                value += share[j] * v.values[at(desc.v, b, keyHead, j, c)];
            expected[at(desc.out, b, h, i, c)] = value;
        }
    }

    reference::Random random_;
    Operand table_;
};

struct Case {
    const char* name;
    void (*describe)(AttentionDesc& desc);
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

// Two batch entries, four heads of 20, 37 queries, 43 keys as heads side by side, but for what the case says.
AttentionDesc description(const Case& c) {
    AttentionDesc desc;
    desc.batch = 2;
    desc.heads = desc.kvHeads = 4;
    desc.queries = 37;
    desc.keys = 43;
    desc.headDim = desc.valueDim = 20;
    c.describe(desc);
    desc.scale = 1 / std::sqrt(static_cast<float>(desc.headDim));
    desc.q = AttentionView::tokens(desc.queries, desc.heads * desc.headDim, desc.headDim);
    desc.k = AttentionView::heads(desc.kvHeads, desc.keys, desc.headDim);
    desc.v = AttentionView::tokens(desc.keys, 2 * desc.kvHeads * desc.valueDim + 4, desc.valueDim, 4);
    desc.out = AttentionView::tokens(desc.queries, desc.heads * desc.valueDim + 8, desc.valueDim, 4);
    return desc;
}

std::array<uint32_t, 4> fullStrides(const AttentionDesc& desc, uint32_t queries) {
    return {desc.heads * queries * desc.keys, queries * desc.keys, desc.keys, 1};
}

void positionBias(AttentionDesc& desc, Mode mode, uint32_t dims, uint32_t headsPerGroup, bool quads = false) {
    PositionBiasDesc& bias = desc.positionBias;
    bias.mode = mode;
    bias.dims = dims;
    bias.headsPerGroup = headsPerGroup;
    bias.logDistance = dims != 2 || mode == Mode::exact;
    bias.width = 11;
    bias.tableQuads = quads;
    for (uint32_t c = 0, stride = 1; c < dims; stride *= bias.gridSize[c++]) {
        bias.gridSize[c] = c + 1 < dims ? 5 : divideUp(desc.queries, stride);
        bias.gridStride[c] = stride;
        bias.divisor[c] = static_cast<float>(4 + c);
        bias.tableSize[c] = 9 + 4 * c;
        bias.tableOrigin[c] = -1.75f;
        bias.tableStep[c] = 3.25f / static_cast<float>(8 + 4 * c); // some distances lie beyond the table
    }
}

void textAndImage(AttentionDesc& desc, AttentionPattern pattern, uint32_t missing) {
    desc.pattern = pattern;
    desc.textLength = 9;
    desc.imageSize = 6;
    desc.windowSize = 3;
    desc.windowDilation = 2;
    desc.queries = desc.keys = 45 - missing;
    desc.keyMask = true;
    desc.keyMaskStride = 9;
}

const Case cases[] = {
    {"plain", [](AttentionDesc&) {}},
    {"oddWidths",
     [](AttentionDesc& d) {
         d.headDim = 13;
         d.valueDim = 33;
     }},
    {"wideHeads",
     [](AttentionDesc& d) {
         d.batch = 1;
         d.headDim = 80;
         d.valueDim = 72;
         d.empty = AttentionDesc::Empty::zeros;
         d.causal = true;
         d.causalOffset = -3; // the first queries see nothing
     }},
    {"sharedKeys",
     [](AttentionDesc& d) {
         d.heads = 6;
         d.kvHeads = 2;
         d.alibi = true;
         d.causal = true;
         d.causalOffset = 6;
     }},
    {"halves",
     [](AttentionDesc& d) {
         d.half = true;
         d.headDim = d.valueDim = 32;
         d.causal = true;
         d.causalOffset = 6;
     }},
    {"oneQuery",
     [](AttentionDesc& d) {
         d.queries = 1;
         d.keys = 139;
         d.headDim = d.valueDim = 16;
     }},
    {"oneKey",
     [](AttentionDesc& d) {
         d.keys = 1;
         d.headDim = 3;
         d.valueDim = 8;
     }},
    {"biasAndCap",
     [](AttentionDesc& d) {
         d.denseBias = true;
         d.denseBiasOffset = 3;
         d.denseBiasStrides = fullStrides(d, d.queries);
         d.softcap = 1.5f;
     }},
    {"capThenBias",
     [](AttentionDesc& d) {
         d.denseBias = true;
         d.denseBiasStrides = {0, d.keys, 0, 1};
         d.softcap = 0.75f;
         d.softcapBeforeBias = true;
         d.alibi = true;
     }},
    {"keyMask",
     [](AttentionDesc& d) {
         d.leadingKeys = 2;
         d.keyMask = true;
         d.keyMaskStride = d.keys - 2;
         d.denseBias = true;
         d.denseBiasStrides = {0, 0, d.keys, 1};
     }},
    {"emptyRows",
     [](AttentionDesc& d) {
         d.causal = true;
         d.causalOffset = -10;
     }},
    {"lengths",
     [](AttentionDesc& d) {
         d.lengths = d.lengthsPerBatch = d.keysFromLength = d.causalFromLength = d.causal = true;
         d.keysPlus = 20;
     }},
    {"maskFromLength",
     [](AttentionDesc& d) {
         d.lengths = d.staticMaskFromLength = d.staticMask = true;
         d.staticMaskQueryOffset = 2;
         d.staticMaskStrides = fullStrides(d, d.queries + 20);
         d.keyMask = true;
         d.keyMaskStride = d.keys;
     }},
    {"blocks",
     [](AttentionDesc& d) {
         d.pattern = AttentionPattern::blocks;
         d.blockSize = 7;
         d.layoutPerHead = true;
         d.keyMask = true;
         d.keyMaskStride = d.keys;
         d.causal = true;
         d.causalOffset = 6;
     }},
    {"window", [](AttentionDesc& d) { textAndImage(d, AttentionPattern::convWindow, 4); }},
    {"rows", [](AttentionDesc& d) { textAndImage(d, AttentionPattern::axialRow, 0); }},
    {"columns", [](AttentionDesc& d) { textAndImage(d, AttentionPattern::axialColumn, 1); }},
    {"exactBias", [](AttentionDesc& d) { positionBias(d, Mode::exact, 2, 2); }},
    {"exactVolumeAndMask",
     [](AttentionDesc& d) {
         positionBias(d, Mode::exact, 3, 4);
         d.keyMask = true;
         d.keyMaskStride = d.keys;
     }},
    {"table", [](AttentionDesc& d) { positionBias(d, Mode::table, 1, 1); }},
    {"tableOfCorners", [](AttentionDesc& d) { positionBias(d, Mode::table, 2, 2, true); }},
    {"tableOfNodes", [](AttentionDesc& d) { positionBias(d, Mode::table, 2, 4); }},
    {"volumeOfCorners", [](AttentionDesc& d) { positionBias(d, Mode::table, 3, 2, true); }},
};

class AttentionKernel : public KernelTest, public ::testing::WithParamInterface<Case> {
protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (description(GetParam()).half && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
    }

    std::vector<double> runScores(Attention attention, AttentionStage stage, float mark = 0) {
        std::vector<Operand*> operands = attention.operands();
        operands.erase(operands.begin() + 2, operands.begin() + 4); // v and out
        Operand scores(attention.scores[0].size(), untouched, attention.out.type);
        operands.push_back(&scores);
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
    AttentionTuning tuning;
    tuning.lanes = 16;
    tuning.rows = 2;
    tuning.split = 2;
    tuning.keysPerStep = 4;
    tuning.mlpPairs = 2;
    tuning.parts = 3;
    expectAttention(attention, tuning);
}

INSTANTIATE_TEST_SUITE_P(Features, AttentionKernel, ::testing::ValuesIn(cases),
                         [](const auto& info) { return std::string(info.param.name); });

class PositionBiasKernel : public KernelTest, public ::testing::WithParamInterface<uint32_t> {};

// What stands in for the MLP holds the MLP's values, whether lanes hand each other the weights or each reads its own.
TEST_P(PositionBiasKernel, fillsWhatTheMlpGives) {
    AttentionDesc desc = description(cases[0]);
    positionBias(desc, Mode::exact, GetParam(), 2, GetParam() > 1);
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

INSTANTIATE_TEST_SUITE_P(Dims, PositionBiasKernel, ::testing::Values(1u, 2u, 3u));

} // namespace
} // namespace saccade::test
