// SPDX-License-Identifier: Apache-2.0
// conv against float64: one to three dimensions, strides, paddings and their modes, dilation, groups, depthwise,
// transposed; slices of wider maps, layouts, epilogues, the pixel shuffle; the GPU's mapping as well as the CPU's.
#include "kernels/conv.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reference/random.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

using Axes = ConvDesc::Axes;

struct Case {
    const char* name;
    ConvDesc desc;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }
std::string nameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

// With the result's size that torch.nn.Conv2d gives it.
ConvDesc map(uint32_t batch, uint32_t channels, uint32_t outputs, Axes size, Axes kernel, Axes padding = {0, 0, 0},
             Axes stride = {1, 1, 1}, Axes dilation = {1, 1, 1}, uint32_t groups = 1) {
    ConvDesc desc;
    desc.batch = batch;
    desc.channels = channels;
    desc.outputs = outputs;
    desc.groups = groups;
    desc.size = size;
    desc.kernel = kernel;
    desc.padding = padding;
    desc.stride = stride;
    desc.dilation = dilation;
    for (int i = 0; i < 3; ++i)
        desc.outSize[i] = (size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1;
    return desc;
}

// torch.nn.ConvTranspose2d's.
ConvDesc transposed(ConvDesc desc, Axes outputPadding = {0, 0, 0}) {
    desc.transposed = true;
    for (int i = 0; i < 3; ++i)
        desc.outSize[i] = (desc.size[i] - 1) * desc.stride[i] - 2 * desc.padding[i] +
                          desc.dilation[i] * (desc.kernel[i] - 1) + outputPadding[i] + 1;
    return desc;
}

ConvDesc with(ConvDesc desc, Activation activation, bool bias, bool residual, float alpha = 1) {
    desc.activation = activation;
    desc.bias = bias;
    desc.hasResidual = residual;
    desc.alpha = alpha;
    return desc;
}

ConvDesc mode(ConvDesc desc, PaddingMode paddingMode) {
    desc.paddingMode = paddingMode;
    return desc;
}

ConvDesc laid(ConvDesc desc, const MatrixLayout& input, const MatrixLayout& out, MatrixLayout residual = {}) {
    desc.input = input;
    desc.out = out;
    desc.residual = residual;
    desc.residual.channelMajor = out.channelMajor;
    return desc;
}

// Each pixel at a multiple of four elements; what fills them up is not a number.
ConvDesc padded(ConvDesc desc) {
    desc.inputPadded = true;
    desc.input.stride = roundUp4(desc.channels);
    return desc;
}

ConvDesc shuffled(ConvDesc desc, uint32_t factor) {
    desc.pixelShuffle = factor;
    return desc;
}

ConvDesc halves(ConvDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

uint32_t count(const Axes& axes) { return axes[0] * axes[1] * axes[2]; }

Axes placeOf(uint32_t index, const Axes& size) {
    return {index / (size[1] * size[2]), index / size[2] % size[1], index % size[2]};
}

// The input pixel that a tap of an output pixel reads; -1: zero.
int64_t sourceOf(const ConvDesc& desc, const Axes& out, const Axes& tap) {
    int64_t index = 0;
    for (int i = 0; i < 3; ++i) {
        int64_t at;
        const int64_t n = desc.size[i];
        if (desc.transposed) {
            at = int64_t{out[i]} + desc.padding[i] - int64_t{tap[i]} * desc.dilation[i];
            if (at < 0 || at % desc.stride[i])
                return -1;
            at /= desc.stride[i];
        } else {
            at = int64_t{out[i]} * desc.stride[i] - desc.padding[i] + int64_t{tap[i]} * desc.dilation[i];
        }
        if (desc.paddingMode == PaddingMode::replicate)
            at = std::clamp<int64_t>(at, 0, n - 1);
        if (desc.paddingMode == PaddingMode::reflect)
            at = at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
        if (at < 0 || at >= n)
            return -1;
        index = index * n + at;
    }
    return index;
}

// A description's operands, filled at random; NaN wherever the input has nothing to read.
class Convolution {
public:
    explicit Convolution(const ConvDesc& desc)
        : desc_(desc), r_(desc.pixelShuffle), layoutIn_(desc.input.resolved(count(desc.size), desc.channels)),
          layoutOut_(desc.out.resolved(count(desc.outSize) * r_ * r_, desc.outputs / (r_ * r_))),
          layoutResidual_(desc.residual.resolved(count(desc.outSize) * r_ * r_, desc.outputs / (r_ * r_))),
          input(extent(layoutIn_), std::numeric_limits<double>::quiet_NaN(), desc.storage),
          weight(convWeightElements(desc), 0, desc.storage), bias(desc.outputs, 0),
          residual(extent(layoutResidual_), 0, desc.storage), out(extent(layoutOut_), untouched, desc.storage) {
        reference::Random random(desc.channels * 1000 + desc.outputs);
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t p = 0; p < count(desc.size); ++p)
                for (uint32_t c = 0; c < desc.channels; ++c)
                    input.values[at(layoutIn_, b, p, c)] = rounded(random.normal(), desc.storage);
        plainWeight_.resize(std::size_t{desc.outputs} * (desc.channels / desc.groups) * count(desc.kernel));
        const double scale = 1 / std::sqrt(double(desc.channels / desc.groups) * count(desc.kernel));
        for (float& value : plainWeight_)
            value = static_cast<float>(rounded(random.normal() * scale, desc.storage));
        for (double& value : bias.values)
            value = random.normal();
        for (double& value : residual.values)
            value = rounded(random.normal(), desc.storage);
        std::vector<float> packed(weight.values.size());
        packConvWeight<float>(desc, plainWeight_, packed);
        std::ranges::copy(packed, weight.values.begin());
    }

    // By the header's definition, in the places where the result belongs.
    std::vector<double> expected() const {
        std::vector<double> result(out.values.size(), untouched);
        for (uint32_t b = 0; b < desc_.batch; ++b)
            for (uint32_t p = 0; p < count(desc_.outSize); ++p)
                for (uint32_t o = 0; o < desc_.outputs; ++o) {
                    double value = sum(b, p, o);
                    if (desc_.activation.kind == ActivationKind::relu)
                        value = std::max(value, 0.0);
                    if (desc_.activation.kind == ActivationKind::silu)
                        value /= 1 + std::exp(-value);
                    value *= desc_.alpha;
                    const Axes cell = placeOf(p, desc_.outSize);
                    const uint32_t inner = o % (r_ * r_), y = cell[1] * r_ + inner / r_, x = cell[2] * r_ + inner % r_;
                    const uint32_t pixel = r_ == 1 ? p : y * desc_.outSize[2] * r_ + x, channel = o / (r_ * r_);
                    if (desc_.hasResidual)
                        value += residual.values[at(layoutResidual_, b, pixel, channel)];
                    result[at(layoutOut_, b, pixel, channel)] = value;
                }
        return result;
    }

private:
    static std::size_t at(const MatrixLayout& l, uint32_t b, uint32_t m, uint32_t c) {
        return l.offset + std::size_t{b} * l.batchStride + (l.channelMajor ? c * l.stride + m : m * l.stride + c);
    }
    std::size_t extent(const MatrixLayout& l) const { return l.offset + std::size_t{desc_.batch} * l.batchStride; }

    double sum(uint32_t b, uint32_t p, uint32_t o) const {
        const uint32_t channels = desc_.channels / desc_.groups, outputs = desc_.outputs / desc_.groups,
                       taps = count(desc_.kernel), group = o / outputs;
        double result = desc_.bias ? bias.values[o] : 0;
        for (uint32_t t = 0; t < taps; ++t) {
            const int64_t source = sourceOf(desc_, placeOf(p, desc_.outSize), placeOf(t, desc_.kernel));
            for (uint32_t c = 0; source >= 0 && c < channels; ++c) {
                const std::size_t w = desc_.transposed
                                          ? (std::size_t{group * channels + c} * outputs + o % outputs) * taps + t
                                          : (std::size_t{o} * channels + c) * taps + t;
                result += input.values[at(layoutIn_, b, static_cast<uint32_t>(source), group * channels + c)] *
                          plainWeight_[w];
            }
        }
        return result;
    }

    ConvDesc desc_;
    uint32_t r_;
    MatrixLayout layoutIn_, layoutOut_, layoutResidual_;
    std::vector<float> plainWeight_;

public:
    Operand input, weight, bias, residual, out;
};

class Conv : public KernelTest, public ::testing::WithParamInterface<Case> {
protected:
    void expectConvolution(const DeviceProfile& mapping) {
        const ConvDesc& desc = GetParam().desc;
        if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
        Convolution convolution(desc);
        run(conv(desc, mapping), {&convolution.input, &convolution.weight, desc.bias ? &convolution.bias : nullptr,
                                  desc.hasResidual ? &convolution.residual : nullptr, &convolution.out});
        const std::vector<double> expected = convolution.expected();
        std::vector<double> results, wanted;
        for (std::size_t i = 0; i < expected.size(); ++i)
            if (expected[i] == untouched)
                ASSERT_EQ(convolution.out.values[i], untouched) << "a write beside the result, at " << i;
            else {
                results.push_back(convolution.out.values[i]);
                wanted.push_back(expected[i]);
            }
        EXPECT_LE(relativeError(results, wanted), desc.storage == DataType::f16 ? 1e-3 : 1e-6);
    }
};

TEST_P(Conv, cpuMapping) { expectConvolution(profile()); }

TEST_P(Conv, gpuMapping) { expectConvolution(gpuProfile()); }

constexpr ActivationKind relu = ActivationKind::relu, silu = ActivationKind::silu, none = ActivationKind::none;
constexpr MatrixLayout channelMajor{.channelMajor = true};
constexpr Axes k3{1, 3, 3}, p1{0, 1, 1}, one{1, 1, 1}, zero{0, 0, 0};

INSTANTIATE_TEST_SUITE_P(
    Sizes, Conv,
    ::testing::Values(
        Case{"threeByThree", with(map(2, 16, 24, {1, 13, 11}, k3, p1), relu, true, true)},
        Case{"oddChannels", with(map(2, 3, 7, {1, 9, 10}, k3, p1), silu, true, false)},
        Case{"wideTile", with(map(1, 32, 64, {1, 40, 33}, k3, p1), none, true, false)},
        Case{"noPadding", with(map(1, 5, 8, {1, 12, 9}, {1, 5, 4}), none, false, false)},
        Case{"sevenTaps", with(map(1, 4, 6, {1, 15, 16}, {1, 7, 7}, {0, 3, 3}), relu, true, false)},
        Case{"stride", with(map(2, 8, 12, {1, 17, 14}, k3, p1, {1, 2, 3}), none, true, true, 0.37f)},
        Case{"dilation", with(map(1, 6, 5, {1, 16, 18}, k3, {0, 2, 4}, one, {1, 2, 3}), relu, true, false)},
        Case{"replicate",
             with(mode(map(1, 4, 4, {1, 6, 7}, {1, 5, 3}, {0, 4, 5}), PaddingMode::replicate), none, true, false)},
        Case{"reflect",
             with(mode(map(1, 4, 9, {1, 6, 7}, {1, 5, 3}, {0, 4, 5}), PaddingMode::reflect), relu, false, true)},
        Case{"groups", with(map(2, 12, 24, {1, 9, 8}, k3, p1, one, one, 3), none, true, true)},
        Case{"oddGroups", with(map(1, 9, 6, {1, 7, 8}, k3, p1, one, one, 3), silu, true, false)},
        Case{"pointwise", with(map(2, 20, 12, {1, 9, 11}, one), relu, true, true)},
        Case{"pointwiseStride", with(map(1, 8, 8, {1, 9, 11}, one, zero, {1, 2, 2}), none, true, false)},
        Case{"sequence", with(map(2, 6, 10, {1, 1, 37}, {1, 1, 5}, {0, 0, 2}, {1, 1, 2}), relu, true, false)},
        Case{"volume", with(map(2, 5, 8, {4, 6, 7}, {3, 3, 3}, {1, 1, 1}), none, true, true)},
        Case{"volumeStride", with(map(1, 4, 8, {5, 8, 9}, {2, 3, 3}, {0, 1, 1}, {2, 2, 1}), relu, true, false)},
        Case{"onePixel", with(map(3, 7, 5, {1, 1, 1}, k3, p1), none, true, false)}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Depthwise, Conv,
    ::testing::Values(
        Case{"threeByThree", with(map(2, 16, 16, {1, 9, 10}, k3, p1, one, one, 16), relu, true, true)},
        Case{"oddChannels", with(map(2, 7, 7, {1, 9, 10}, k3, p1, one, one, 7), none, true, false)},
        Case{"sevenTaps", with(map(1, 8, 8, {1, 12, 13}, {1, 7, 7}, {0, 3, 3}, one, one, 8), silu, false, true)},
        Case{"stride", with(map(1, 12, 12, {1, 12, 13}, {1, 5, 3}, p1, {1, 2, 2}, {1, 2, 1}, 12), none, true, false)},
        Case{"reflect",
             with(mode(map(1, 4, 4, {1, 6, 7}, k3, {0, 2, 3}, one, one, 4), PaddingMode::reflect), relu, true, false)},
        Case{"volume", with(map(2, 8, 8, {3, 5, 6}, {3, 3, 3}, {2, 1, 1}, one, one, 8), none, true, true, 2)},
        Case{"multiplier", with(map(1, 6, 12, {1, 8, 9}, k3, p1, one, one, 6), relu, true, true)},
        Case{"channelsOut",
             laid(with(map(2, 8, 8, {1, 7, 9}, k3, p1, one, one, 8), relu, true, true), {}, channelMajor)},
        Case{"halves", halves(with(map(2, 16, 16, {1, 9, 10}, k3, p1, one, one, 16), silu, true, true))}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Transposed, Conv,
    ::testing::Values(
        Case{"twoByTwo", with(transposed(map(2, 8, 12, {1, 5, 6}, {1, 2, 2}, zero, {1, 2, 2})), relu, true, true)},
        Case{"fourByFour", with(transposed(map(1, 5, 6, {1, 7, 5}, {1, 4, 4}, p1, {1, 2, 2})), none, true, false)},
        Case{"outputPadding",
             with(transposed(map(1, 6, 4, {1, 5, 6}, k3, p1, {1, 2, 3}), {0, 1, 2}), silu, true, false)},
        Case{"dilation", with(transposed(map(1, 4, 4, {1, 5, 6}, k3, p1, {1, 2, 1}, {1, 2, 2})), none, false, false)},
        Case{"groups", with(transposed(map(2, 8, 4, {1, 4, 5}, k3, p1, {1, 2, 2}, one, 2)), none, true, true)}),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    Layouts, Conv,
    ::testing::Values(
        Case{"channelsOut", laid(with(map(2, 8, 12, {1, 9, 8}, k3, p1), relu, true, true), {}, channelMajor)},
        Case{"slices", laid(with(map(2, 8, 12, {1, 9, 8}, k3, p1), relu, true, true), {false, 4, 24, 24 * 72 + 8},
                            {false, 8, 28, 28 * 72}, {false, 0, 16, 16 * 72})},
        Case{"oddSlices", laid(with(map(2, 5, 6, {1, 7, 8}, k3, p1), none, true, true), {false, 3, 11, 11 * 56 + 5},
                               {false, 1, 7, 7 * 56 + 3}, {false, 2, 9, 9 * 56 + 2})},
        Case{"padded", padded(with(map(2, 9, 8, {1, 9, 8}, k3, p1), relu, true, true))},
        Case{"paddedTransposed",
             padded(with(transposed(map(1, 6, 4, {1, 5, 6}, k3, p1, {1, 2, 2})), none, true, false))},
        Case{"paddedGroups", padded(with(map(1, 6, 12, {1, 8, 9}, k3, p1, one, one, 6), relu, true, false))},
        Case{"paddedDepthwise", padded(with(map(1, 6, 6, {1, 8, 9}, k3, p1, one, one, 6), relu, true, false))},
        Case{"paddedPointwise", padded(with(map(2, 9, 8, {1, 9, 8}, one), relu, true, false))},
        Case{"shuffled", shuffled(with(map(2, 8, 12, {1, 7, 6}, k3, p1), relu, true, true), 2)},
        Case{"shuffledByThree", shuffled(with(map(1, 4, 27, {1, 5, 6}, k3, p1), none, true, false), 3)},
        Case{"shuffledChannelsOut",
             shuffled(laid(with(map(1, 4, 12, {1, 5, 6}, k3, p1), none, true, false), {}, channelMajor), 2)},
        Case{"halves", halves(with(map(2, 16, 24, {1, 13, 11}, k3, p1), relu, true, true, 0.37f))},
        Case{"oddHalves", halves(with(map(1, 5, 7, {1, 8, 9}, k3, p1), none, true, false))}),
    nameOf);

} // namespace
} // namespace saccade::test
