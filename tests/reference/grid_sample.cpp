// SPDX-License-Identifier: Apache-2.0
#include "reference/grid_sample.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace saccade::reference {
namespace {

/// Mirrors a pixel coordinate at the centres of the outermost pixels (alignCorners) or at their outer edges.
double reflect(double pixel, int64_t size, bool alignCorners) {
    const double low = alignCorners ? 0 : -0.5;
    const double span = static_cast<double>(alignCorners ? size - 1 : size);
    if (span == 0)
        return 0;
    const double distance = std::fabs(pixel - low);
    const double rest = std::fmod(distance, span);
    const bool odd = std::fmod(std::floor(distance / span), 2.0) != 0;
    return low + (odd ? span - rest : rest);
}

/// Brings a pixel coordinate into the axis as the padding mode says; zeros leave it where it is.
double pad(double pixel, int64_t size, const SampleOptions& options) {
    if (options.padding == SamplePadding::zeros)
        return pixel;
    if (options.padding == SamplePadding::reflection)
        pixel = reflect(pixel, size, options.alignCorners);
    return std::clamp(pixel, 0.0, static_cast<double>(size - 1));
}

/// Cubic convolution with a = -0.75: the weight of a pixel at this distance.
double cubicWeight(double distance) {
    constexpr double a = -0.75;
    const double t = std::fabs(distance);
    if (t <= 1)
        return (a + 2) * t * t * t - (a + 3) * t * t + 1;
    return t < 2 ? a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a : 0;
}

void keepInside(std::vector<Tap>& taps, double index, double weight, int64_t size) {
    if (index >= 0 && index < static_cast<double>(size))
        taps.push_back({static_cast<int64_t>(index), weight});
}

} // namespace

std::vector<Tap> pixelTaps(double pixel, int64_t size) {
    std::vector<Tap> taps;
    const double first = std::floor(pixel);
    keepInside(taps, first, first + 1 - pixel, size);
    keepInside(taps, first + 1, pixel - first, size);
    return taps;
}

std::vector<Tap> axisTaps(double position, int64_t size, const SampleOptions& options) {
    const double pixels = static_cast<double>(size);
    const double pixel = options.alignCorners ? (position + 1) / 2 * (pixels - 1) : ((position + 1) * pixels - 1) / 2;
    std::vector<Tap> taps;
    switch (options.mode) {
    case SampleMode::nearest:
        // The default rounding mode sends ties to the even pixel, and padding comes first: PyTorch's order.
        keepInside(taps, std::nearbyint(pad(pixel, size, options)), 1, size);
        break;
    case SampleMode::linear:
        taps = pixelTaps(pad(pixel, size, options), size);
        break;
    case SampleMode::cubic:
        // Here padding moves each of the four pixels, not the position between them.
        for (double index = std::floor(pixel) - 1; index < std::floor(pixel) + 3; ++index)
            keepInside(taps, pad(index, size, options), cubicWeight(pixel - index), size);
        break;
    }
    return taps;
}

Tensor gridSample(const Tensor& x, const Tensor& grid, const SampleOptions& options) {
    const int axes = x.rank() - 2;
    if (grid.size(-1) != axes || axes < 1 || axes > 3 || (options.mode == SampleMode::cubic && axes != 2))
        throw std::invalid_argument("gridSample: 1 to 3 axes, a grid with one coordinate an axis, cubic in 2D only");
    // A missing axis has one pixel, read with weight 1.
    const int64_t batch = x.size(0), channels = x.size(1), points = grid.count() / (batch * axes);
    const int64_t width = x.size(-1), height = axes > 1 ? x.size(-2) : 1, depth = axes > 2 ? x.size(-3) : 1;
    const Tensor image = x.reshaped({batch, channels, depth, height, width});
    const Tensor positions = grid.reshaped({batch, points, axes});
    const std::vector<Tap> whole{{0, 1.0}};

    Tensor y({batch, channels, points});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t p = 0; p < points; ++p) {
            const auto xTaps = axisTaps(positions(b, p, 0), width, options);
            const auto yTaps = axes > 1 ? axisTaps(positions(b, p, 1), height, options) : whole;
            const auto zTaps = axes > 2 ? axisTaps(positions(b, p, 2), depth, options) : whole;
            for (int64_t c = 0; c < channels; ++c)
                for (const Tap& tz : zTaps)
                    for (const Tap& ty : yTaps)
                        for (const Tap& tx : xTaps)
                            y(b, c, p) += tz.weight * ty.weight * tx.weight * image(b, c, tz.index, ty.index, tx.index);
        }
    Shape shape{batch, channels};
    shape.insert(shape.end(), grid.shape.begin() + 1, grid.shape.end() - 1);
    return y.reshaped(shape);
}

Tensors runGridSample(const nlohmann::json& config, const Tensors& inputs) {
    SampleOptions options;
    const std::string mode = config.value("mode", "bilinear");
    const std::string padding = config.value("padding_mode", config.value("padding", "zeros"));
    options.mode = mode == "nearest" ? SampleMode::nearest : mode == "bicubic" ? SampleMode::cubic : SampleMode::linear;
    options.padding = padding == "border"       ? SamplePadding::border
                      : padding == "reflection" ? SamplePadding::reflection
                                                : SamplePadding::zeros;
    options.alignCorners = config.value("align_corners", false);
    return {{"y", gridSample(get(inputs, "x"), get(inputs, "grid"), options)}};
}

} // namespace saccade::reference
