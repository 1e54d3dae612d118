// SPDX-License-Identifier: Apache-2.0
// Operators that read a map around each pixel, or at another size.
#include "reference/network_operators.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/grid_sample.hpp"
#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

void expectMap(const Tensor& x) {
    if (x.rank() != 4)
        throw std::invalid_argument("an input has not the shape (b, c, h, w)");
}

/// `reduce` of each window's pixels, padding left out, and of how many pixels it has with padding.
template <class Reduce>
Tensor pooled(const Node& node, Reduce reduce) {
    const Tensor& x = node.input(0);
    expectMap(x);
    node.config.at("kernel_size"); // has no default
    const Shape kernel = node.perAxis("kernel_size", 2, 0), padding = node.perAxis("padding", 2, 0);
    Shape stride = kernel;
    if (node.config.contains("stride") && !node.config["stride"].is_null())
        stride = node.perAxis("stride", 2, 0);
    const auto outSize = [&](int axis) {
        const auto a = static_cast<std::size_t>(axis);
        if (padding[a] < 0 || 2 * padding[a] > kernel[a])
            throw std::invalid_argument("padding is more than half the kernel");
        if (x.size(2 + axis) + 2 * padding[a] < kernel[a])
            throw std::invalid_argument("the kernel is larger than the padded map");
        return (x.size(2 + axis) + 2 * padding[a] - kernel[a]) / stride[a] + 1;
    };
    return fromElements({x.size(0), x.size(1), outSize(0), outSize(1)}, [&](const Shape& index) {
        std::vector<double> window;
        for (int64_t kr = 0; kr < kernel[0]; ++kr)
            for (int64_t kc = 0; kc < kernel[1]; ++kc) {
                const int64_t row = index[2] * stride[0] + kr - padding[0];
                const int64_t column = index[3] * stride[1] + kc - padding[1];
                if (row >= 0 && row < x.size(2) && column >= 0 && column < x.size(3))
                    window.push_back(x(index[0], index[1], row, column));
            }
        return reduce(window, kernel[0] * kernel[1]);
    });
}

Tensor maxPool2d(const Node& node) {
    return pooled(node, [](const std::vector<double>& window, int64_t) {
        return *std::max_element(window.begin(), window.end());
    });
}

Tensor avgPool2d(const Node& node) {
    const bool withPadding = node.config.value("count_include_pad", true);
    return pooled(node, [withPadding](const std::vector<double>& window, int64_t pixels) {
        double sum = 0;
        for (const double value : window)
            sum += value;
        return sum / static_cast<double>(withPadding ? pixels : static_cast<int64_t>(window.size()));
    });
}

/// One axis of a map that changes its size.
struct Resizing {
    int64_t in, out;
    double step; ///< pixels of the input for each of the output: as the factor given says, not as the sizes are
};

/// Pixels of the input and their weights. The nearest one is that left of the position, not of the pixel's centre.
std::vector<Tap> resizedTaps(const Resizing& axis, int64_t at, bool nearest, bool alignCorners) {
    const auto position = static_cast<double>(at);
    const auto last = static_cast<double>(axis.in - 1);
    if (nearest) // with a size, exactly: at * in / out
        return {
            {std::min(axis.step > 0 ? static_cast<int64_t>(std::floor(position * axis.step)) : at * axis.in / axis.out,
                      axis.in - 1),
             1.0}};
    const double step = axis.step > 0 ? axis.step : static_cast<double>(axis.in) / static_cast<double>(axis.out);
    const double aligned = axis.out > 1 ? position * last / static_cast<double>(axis.out - 1) : 0;
    const double pixel = alignCorners ? aligned : (position + 0.5) * step - 0.5;
    return pixelTaps(std::clamp(pixel, 0.0, last), axis.in);
}

Tensor interpolate(const Node& node) {
    const Tensor& x = node.input(0);
    expectMap(x);
    const std::string mode = node.config.value("mode", "nearest");
    const bool nearest = mode == "nearest", alignCorners = node.config.value("align_corners", false);
    if ((!nearest && mode != "bilinear") || (nearest && alignCorners))
        throw std::invalid_argument("mode is nearest or bilinear, and align_corners goes with the latter");
    Resizing axes[2];
    for (int axis = 0; axis < 2; ++axis) {
        Resizing& a = axes[axis] = {x.size(2 + axis), 0, 0};
        if (node.config.contains("size")) {
            a.out = node.perAxis("size", 2, 0)[static_cast<std::size_t>(axis)];
        } else {
            const nlohmann::json& given = node.config.at("scale_factor");
            const double factor = given.is_array() ? given.at(static_cast<std::size_t>(axis)) : given;
            a.out = static_cast<int64_t>(std::floor(static_cast<double>(a.in) * factor));
            a.step = 1 / factor;
        }
        if (a.out < 1)
            throw std::invalid_argument("the result has no pixels");
    }
    return fromElements({x.size(0), x.size(1), axes[0].out, axes[1].out}, [&](const Shape& index) {
        double sum = 0;
        for (const Tap& row : resizedTaps(axes[0], index[2], nearest, alignCorners))
            for (const Tap& column : resizedTaps(axes[1], index[3], nearest, alignCorners))
                sum += row.weight * column.weight * x(index[0], index[1], row.index, column.index);
        return sum;
    });
}

std::vector<Tap> warpedTaps(double pixel, int64_t size, bool nearest, bool border) {
    if (border)
        pixel = std::clamp(pixel, 0.0, static_cast<double>(size - 1));
    return pixelTaps(nearest ? std::nearbyint(pixel) : pixel, size);
}

Tensor warp(const Node& node) {
    const Tensor &x = node.input(0), &motion = node.input(1);
    expectMap(x);
    if (motion.shape != Shape{x.size(0), 2, x.size(2), x.size(3)})
        throw std::invalid_argument("motion has not the shape (b, 2, h, w)");
    const std::string mode = node.config.value("mode", "bilinear");
    const std::string padding = node.config.value("padding_mode", "border");
    const auto scale = node.config.value("scale", std::vector<double>{1, 1});
    return fromElements(x.shape, [&](const Shape& index) {
        const int64_t b = index[0], i = index[2], j = index[3];
        const double row = static_cast<double>(i) + scale.at(1) * motion(b, 1, i, j);
        const double column = static_cast<double>(j) + scale.at(0) * motion(b, 0, i, j);
        double sum = 0;
        for (const Tap& r : warpedTaps(row, x.size(2), mode == "nearest", padding == "border"))
            for (const Tap& c : warpedTaps(column, x.size(3), mode == "nearest", padding == "border"))
                sum += r.weight * c.weight * x(b, index[1], r.index, c.index);
        return sum;
    });
}

Tensor applyKernels(const Node& node) {
    const Tensor &x = node.input(0), &kernels = node.input(1);
    expectMap(x);
    const int64_t k = node.config.at("size");
    if (k < 1 || k % 2 == 0 || kernels.shape != Shape{x.size(0), k * k, x.size(2), x.size(3)})
        throw std::invalid_argument("size is odd, and kernels have the shape (b, size * size, h, w)");
    const std::string normalize = node.config.value("normalize", "none");
    const bool replicate = node.config.value("padding_mode", "replicate") == "replicate";
    return fromElements(x.shape, [&](const Shape& index) {
        const int64_t b = index[0], row = index[2], column = index[3];
        std::vector<double> weights;
        for (int64_t tap = 0; tap < k * k; ++tap)
            weights.push_back(kernels(b, tap, row, column));
        if (normalize == "softmax")
            softmax(weights);
        double total = 0, sum = 0;
        for (int64_t tap = 0; tap < k * k; ++tap) {
            const double weight = weights[static_cast<std::size_t>(tap)];
            total += weight;
            int64_t r = row + tap / k - k / 2, c = column + tap % k - k / 2;
            if (replicate) {
                r = std::clamp<int64_t>(r, 0, x.size(2) - 1);
                c = std::clamp<int64_t>(c, 0, x.size(3) - 1);
            }
            if (r >= 0 && r < x.size(2) && c >= 0 && c < x.size(3))
                sum += weight * x(b, index[1], r, c);
        }
        return normalize == "sum" ? sum / total : sum;
    });
}

} // namespace

const Operators& samplingOperators() {
    static const Operators operators = {{"max_pool2d", maxPool2d},
                                        {"avg_pool2d", avgPool2d},
                                        {"interpolate", interpolate},
                                        {"warp", warp},
                                        {"apply_kernels", applyKernels}};
    return operators;
}

} // namespace saccade::reference
