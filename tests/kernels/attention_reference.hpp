// SPDX-License-Identifier: Apache-2.0
// A float64 evaluation of AttentionDesc's words: the operands of a description, filled at random, and what it makes of
// them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attention.hpp"
#include "kernels/position_bias.hpp"
#include "reference/random.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {

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

inline uint32_t nodes(const PositionBiasDesc& bias) {
    return bias.tableSize[0] * bias.tableSize[1] * bias.tableSize[2];
}

// The vector from a query to a key as the bias is a function of it.
inline void distance(const PositionBiasDesc& bias, const Operand& positions, uint32_t query, std::size_t key,
                     double* u) {
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
        if (bias.mode != PositionBiasDesc::Mode::none)
            positions = floats(std::size_t{desc.batch} * desc.heads / bias.headsPerGroup * desc.keys * bias.dims, 1.5);
        if (bias.mode == PositionBiasDesc::Mode::exact) {
            mlp.emplace_back(bias, random_);
            positionBias = mlp[0].packed();
        } else if (bias.mode == PositionBiasDesc::Mode::table) {
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

    /// By AttentionOperand; null: absent.
    std::vector<Operand*> operands() {
        std::vector<Operand*> all{&q, &k, &v, &out};
        const auto add = [&](bool present, Operand& operand) { all.push_back(present ? &operand : nullptr); };
        add(desc.positionBias.mode != PositionBiasDesc::Mode::none, positions);
        add(desc.positionBias.mode != PositionBiasDesc::Mode::none, positionBias);
        add(desc.denseBias, denseBias);
        add(desc.alibi, slopes);
        add(desc.keyMask, keyMask);
        add(desc.staticMask, staticMask);
        add(desc.pattern == AttentionPattern::blocks, layout);
        add(desc.lengths, lengths);
        return all;
    }

    /// Computes `expected` and `scores` from the operands as they are.
    void evaluate() {
        expected.assign(out.values.size(), untouched);
        for (std::vector<double>& stage : scores)
            stage.clear();
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t h = 0; h < desc.heads; ++h)
                for (uint32_t i = 0; i < desc.queries; ++i)
                    evaluateQuery(b, h, i);
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
        if (bias.mode == PositionBiasDesc::Mode::none)
            return 0;
        const uint32_t groups = desc.heads / bias.headsPerGroup;
        double u[3];
        distance(bias, positions, i, std::size_t{b * groups + h / bias.headsPerGroup} * desc.keys + j, u);
        if (!std::all_of(u, u + bias.dims, [](double x) { return std::isfinite(x); }))
            return std::numeric_limits<double>::quiet_NaN();
        return bias.mode == PositionBiasDesc::Mode::exact ? mlp[0](u, h % bias.headsPerGroup)
                                                          : tableAt(u, h % bias.headsPerGroup);
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
            bool seen = visible(b, h, i, j);
            if (desc.denseBias && j >= desc.leadingKeys) {
                const double added =
                    denseBias
                        .values[desc.denseBiasOffset + b * s[0] + h * s[1] + i * s[2] + (j - desc.leadingKeys) * s[3]];
                seen = seen && added > -1.5e38;
                x += added;
            }
            if (desc.alibi)
                x -= slopes.values[h] * std::abs(static_cast<double>(j) - (i + keyCount(b) - desc.queries));
            if (x < -1.5e38 || !seen)
                x = hidden;
            scores[1].push_back(x);
            if (x != hidden && !desc.softcapBeforeBias)
                x = cap(x);
            scores[2].push_back(desc.softcapBeforeBias ? capped : x);
            score[j] = x;
        }
        // As PyTorch's softmax: one score that is NaN or +inf makes all weights NaN.
        const bool poisoned =
            std::any_of(score.begin(), score.end(), [](double x) { return std::isnan(x) || (std::isinf(x) && x > 0); });
        const double most = poisoned ? 0 : *std::max_element(score.begin(), score.end());
        std::vector<double> share(desc.keys, 0);
        double sum = 0;
        for (uint32_t j = 0; j < desc.keys; ++j) {
            if (poisoned)
                share[j] = j < keyCount(b) ? std::numeric_limits<double>::quiet_NaN() : 0;
            else if (most != hidden)
                share[j] = std::exp(score[j] - most);
            else if (desc.empty == AttentionDesc::Empty::average && j < keyCount(b))
                share[j] = 1;
            sum += share[j];
        }
        for (double& value : share)
            value = sum > 0 ? value / sum : value;
        scores[3].insert(scores[3].end(), share.begin(), share.end());
        for (uint32_t c = 0; c < desc.valueDim; ++c) {
            double value = 0;
            for (uint32_t j = 0; j < desc.keys; ++j)
                if (share[j] != 0) // values of hidden keys are left out, whatever they are
                    value += share[j] * v.values[at(desc.v, b, keyHead, j, c)];
            expected[at(desc.out, b, h, i, c)] = value;
        }
    }

    reference::Random random_;
    Operand table_;
};

} // namespace saccade::test
