// SPDX-License-Identifier: Apache-2.0
#include "reference/shifted_window_attention.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// Where a row or column of the padded map stands after the roll, which is its window, and the region of the attention
/// mask: before the last window, and in it before or behind what came around the edge.
struct Place {
    int64_t window, within, region;
};
Place placeOf(int64_t at, int64_t padded, int64_t window, int64_t shift) {
    if (window >= padded)
        shift = 0;
    const int64_t rolled = (at - shift + padded) % padded;
    const int64_t region = shift == 0 ? 0 : (rolled >= padded - window) + (rolled >= padded - shift);
    return {rolled / window, rolled % window, region};
}

/// For one head of one query: the softmax over all tokens in its window, times their values.
class WindowAttention {
public:
    WindowAttention(const nlohmann::json& config, const Tensors& weights, const Tensor& padded)
        : window_(config.at("window_size").get<Shape>()), shift_(config.at("shift_size").get<Shape>()),
          channels_(padded.size(3) / config.at("num_heads").get<int64_t>()), height_(padded.size(1)),
          width_(padded.size(2)), table_(get(weights, "relative_position_bias_table")),
          qkv_(linear(padded, get(weights, "qkv.weight"), find(weights, "qkv.bias"))) {}

    std::vector<double> operator()(int64_t b, int64_t y, int64_t x, int64_t head) const {
        const int64_t dim = qkv_.size(3) / 3, first = head * channels_;
        const Place row = rowOf(y), column = columnOf(x);
        std::vector<double> result(static_cast<std::size_t>(channels_), 0.0);
        double sum = 0;
        for (int64_t ky = 0; ky < height_; ++ky)
            for (int64_t kx = 0; kx < width_; ++kx) {
                const Place keyRow = rowOf(ky), keyColumn = columnOf(kx);
                if (keyRow.window != row.window || keyColumn.window != column.window)
                    continue;
                double score = 0;
                for (int64_t i = first; i < first + channels_; ++i)
                    score += qkv_(b, y, x, i) * qkv_(b, ky, kx, dim + i);
                score /= std::sqrt(static_cast<double>(channels_));
                const int64_t dy = row.within - keyRow.within + window_[0] - 1;
                const int64_t dx = column.within - keyColumn.within + window_[1] - 1;
                score += table_(dy * (2 * window_[1] - 1) + dx, head);
                if (keyRow.region != row.region || keyColumn.region != column.region)
                    score -= 100;
                const double weight = std::exp(score);
                sum += weight;
                for (int64_t i = 0; i < channels_; ++i)
                    result[static_cast<std::size_t>(i)] += weight * qkv_(b, ky, kx, 2 * dim + first + i);
            }
        for (double& value : result)
            value /= sum;
        return result;
    }

private:
    Place rowOf(int64_t y) const { return placeOf(y, height_, window_[0], shift_[0]); }
    Place columnOf(int64_t x) const { return placeOf(x, width_, window_[1], shift_[1]); }

    Shape window_, shift_;
    int64_t channels_, height_, width_;
    const Tensor& table_;
    Tensor qkv_;
};

} // namespace

Tensors runShiftedWindowAttention(const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Tensor& x = get(inputs, "x");
    const auto window = config.at("window_size").get<Shape>();
    const int64_t heads = config.at("num_heads"), channels = x.size(3) / heads;
    const auto whole = [&](int axis) {
        const int64_t size = window.at(static_cast<std::size_t>(axis));
        return (x.size(1 + axis) + size - 1) / size * size;
    };
    Tensor padded({x.size(0), whole(0), whole(1), x.size(3)});
    for (int64_t b = 0; b < x.size(0); ++b)
        for (int64_t i = 0; i < x.size(1); ++i)
            for (int64_t j = 0; j < x.size(2); ++j)
                for (int64_t k = 0; k < x.size(3); ++k)
                    padded(b, i, j, k) = x(b, i, j, k);
    const WindowAttention attention(config, weights, padded);
    Tensor attended(x.shape);
    for (int64_t b = 0; b < x.size(0); ++b)
        for (int64_t i = 0; i < x.size(1); ++i)
            for (int64_t j = 0; j < x.size(2); ++j)
                for (int64_t head = 0; head < heads; ++head) {
                    const std::vector<double> values = attention(b, i, j, head);
                    for (int64_t k = 0; k < channels; ++k)
                        attended(b, i, j, head * channels + k) = values[static_cast<std::size_t>(k)];
                }
    return {{"y", linear(attended, get(weights, "proj.weight"), find(weights, "proj.bias"))}};
}

} // namespace saccade::reference
