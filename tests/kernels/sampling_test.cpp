// SPDX-License-Identifier: Apache-2.0
// gridSample and offsetNetwork against float64, convert bit by bit: coordinates that are no numbers, slices of wider
// tokens, halves, channel counts that fill no vector.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "kernels/copy.hpp"
#include "kernels/offset_network.hpp"
#include "kernels/sampling.hpp"
#include "reference/grid_sample.hpp"
#include "reference/random.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t at(const MatrixLayout& l, uint32_t b, uint32_t token, uint32_t channel) {
    return l.offset + std::size_t{b} * l.batchStride +
           (l.channelMajor ? std::size_t{channel} * l.stride + token : std::size_t{token} * l.stride + channel);
}

template <class Case>
std::string nameOf(const ::testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

struct SampleCase {
    const char* name;
    GridSampleDesc desc;
};

void PrintTo(const SampleCase& c, std::ostream* stream) { *stream << c.name; }

GridSampleDesc sample(uint32_t dims, std::array<uint32_t, 3> size, SampleMode mode, SamplePadding padding, bool align,
                      uint32_t groups, uint32_t channels, uint32_t points) {
    GridSampleDesc desc;
    desc.dims = dims;
    desc.size = size;
    desc.mode = mode;
    desc.padding = padding;
    desc.alignCorners = align;
    desc.batch = 2;
    desc.groups = groups;
    desc.channels = channels;
    desc.points = points;
    return desc;
}

GridSampleDesc laid(GridSampleDesc desc, const MatrixLayout& input, const MatrixLayout& output) {
    desc.input = input;
    desc.output = output;
    return desc;
}

GridSampleDesc halves(GridSampleDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

// A finite coordinate that samples what `coordinate` has to, or NaN where only the range of the result is known: a huge
// coordinate is reflected to some pixel, and its distance to the cubic's taps has no digits left.
double finite(double coordinate, uint32_t size, const GridSampleDesc& desc) {
    const bool zeros = desc.padding == SamplePadding::zeros;
    if (std::isnan(coordinate))
        return zeros ? 100 : desc.alignCorners ? -1 : 1.0 / size - 1; // outside, or the first pixel's middle
    if (std::abs(coordinate) <= 100)
        return coordinate;
    if (zeros)
        return std::copysign(100, coordinate);
    return desc.padding == SamplePadding::border && desc.mode != SampleMode::bicubic ? std::copysign(3, coordinate)
                                                                                     : nan;
}

class GridSampleKernel : public KernelTest, public ::testing::WithParamInterface<SampleCase> {};

TEST_P(GridSampleKernel, agreesWithFloat64) {
    const GridSampleDesc& desc = GetParam().desc;
    if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    const uint32_t pixels = desc.size[0] * desc.size[1] * desc.size[2];
    const MatrixLayout from = desc.input.resolved(pixels, desc.channels);
    const MatrixLayout to = desc.output.resolved(desc.points, desc.channels);
    reference::Random random(17);

    Operand input(from.offset + std::size_t{desc.batch} * from.batchStride, nan, desc.storage);
    for (uint32_t b = 0; b < desc.batch; ++b)
        for (uint32_t p = 0; p < pixels; ++p)
            for (uint32_t c = 0; c < desc.channels; ++c)
                input.values[at(from, b, p, c)] = rounded(random.uniform(-1, 1), desc.storage);
    Operand grid(std::size_t{desc.batch} * desc.groups * desc.points * desc.dims, 0);
    const double special[] = {nan, infinity, -infinity, 3e38f, -3e38f, 1e10f, -1e10f, 1, -1, 0, 4294967296.0};
    for (std::size_t i = 0; i < grid.values.size(); ++i)
        grid.values[i] = i % 5 == 2 ? special[random.index(std::size(special))] : random.uniform(-1.7, 1.7);
    Operand output(to.offset + std::size_t{desc.batch} * to.batchStride, untouched, desc.storage);
    run(gridSample(desc, profile()), {&input, &grid, &output});

    reference::SampleOptions options;
    options.mode = desc.mode == SampleMode::nearest   ? reference::SampleMode::nearest
                   : desc.mode == SampleMode::bicubic ? reference::SampleMode::cubic
                                                      : reference::SampleMode::linear;
    options.padding = static_cast<reference::SamplePadding>(desc.padding);
    options.alignCorners = desc.alignCorners;
    const int64_t width = desc.channels / desc.groups;
    reference::Shape imageShape{1, width}, gridShape(desc.dims + 2, 1);
    imageShape.insert(imageShape.end(), desc.size.begin(), desc.size.begin() + desc.dims);
    gridShape.back() = desc.dims;
    std::vector<double> results, expected;
    std::vector<double> rest = output.values;
    for (uint32_t b = 0; b < desc.batch; ++b)
        for (uint32_t g = 0; g < desc.groups; ++g) {
            reference::Tensor image(imageShape);
            for (int64_t c = 0; c < width; ++c)
                for (uint32_t p = 0; p < pixels; ++p)
                    image.data[c * pixels + p] = input.values[at(from, b, p, static_cast<uint32_t>(g * width + c))];
            for (uint32_t p = 0; p < desc.points; ++p) {
                reference::Tensor place(gridShape);
                bool known = true;
                for (uint32_t axis = 0; axis < desc.dims; ++axis) {
                    const std::size_t i = ((std::size_t{b} * desc.groups + g) * desc.points + p) * desc.dims + axis;
                    place.data[axis] = finite(grid.values[i], desc.size[desc.dims - 1 - axis], desc);
                    known = known && !std::isnan(place.data[axis]);
                }
                const reference::Tensor wanted =
                    known ? reference::gridSample(image, place, options) : reference::Tensor({width});
                for (int64_t c = 0; c < width; ++c) {
                    const std::size_t i = at(to, b, p, static_cast<uint32_t>(g * width + c));
                    rest[i] = untouched;
                    if (known) {
                        results.push_back(output.values[i]);
                        expected.push_back(wanted.data[static_cast<std::size_t>(c)]);
                    } else {
                        // The cubic overshoots, by less than a factor of 1.5 per axis.
                        EXPECT_LE(std::abs(output.values[i]), desc.mode == SampleMode::bicubic ? 2.25 : 1.001);
                    }
                }
            }
        }
    EXPECT_LE(relativeError(results, expected), desc.storage == DataType::f16 ? 5e-4 : 1e-5);
    EXPECT_EQ(rest, std::vector<double>(rest.size(), untouched)) << "a write between tokens";
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, GridSampleKernel,
    ::testing::Values(
        SampleCase{"sequence", sample(1, {13, 1, 1}, SampleMode::bilinear, SamplePadding::zeros, true, 3, 15, 53)},
        SampleCase{"sequenceHalves",
                   halves(sample(1, {13, 1, 1}, SampleMode::nearest, SamplePadding::reflection, false, 1, 7, 31))},
        SampleCase{"zeros", sample(2, {5, 9, 1}, SampleMode::bilinear, SamplePadding::zeros, false, 2, 24, 53)},
        SampleCase{"border", sample(2, {5, 9, 1}, SampleMode::bilinear, SamplePadding::border, true, 3, 15, 53)},
        SampleCase{"reflection",
                   sample(2, {5, 9, 1}, SampleMode::bilinear, SamplePadding::reflection, false, 1, 16, 53)},
        SampleCase{"nearestZeros", sample(2, {7, 4, 1}, SampleMode::nearest, SamplePadding::zeros, false, 2, 16, 29)},
        SampleCase{"nearestBorder", sample(2, {7, 4, 1}, SampleMode::nearest, SamplePadding::border, false, 1, 5, 29)},
        SampleCase{"cubicZeros", sample(2, {5, 9, 1}, SampleMode::bicubic, SamplePadding::zeros, false, 2, 16, 29)},
        SampleCase{"cubicBorder", sample(2, {5, 9, 1}, SampleMode::bicubic, SamplePadding::border, true, 1, 6, 29)},
        SampleCase{"slices", laid(sample(2, {5, 9, 1}, SampleMode::bilinear, SamplePadding::border, false, 2, 24, 53),
                                  {false, 8, 40, 45 * 40 + 16}, {false, 4, 28, 53 * 28})},
        SampleCase{"oddSlicesHalves",
                   halves(laid(sample(2, {5, 9, 1}, SampleMode::bilinear, SamplePadding::zeros, true, 2, 16, 53),
                               {false, 3, 21, 45 * 21 + 3}, {false, 1, 17, 53 * 17 + 2}))},
        SampleCase{"planes", laid(sample(2, {5, 9, 1}, SampleMode::bilinear, SamplePadding::zeros, false, 2, 24, 53),
                                  {true, 8, 48, 24 * 48 + 5}, {true, 3, 55, 24 * 55})},
        SampleCase{"planesHalves",
                   halves(laid(sample(1, {13, 1, 1}, SampleMode::bilinear, SamplePadding::border, true, 1, 38, 31),
                               {true, 0, 13, 38 * 13}, {true, 0, 31, 38 * 31}))},
        SampleCase{"planesToTokens",
                   laid(sample(3, {3, 4, 5}, SampleMode::bilinear, SamplePadding::zeros, true, 2, 74, 29),
                        {true, 0, 60, 74 * 60}, {false, 2, 77, 29 * 77})},
        SampleCase{"tokensToPlanes",
                   laid(sample(2, {5, 9, 1}, SampleMode::bicubic, SamplePadding::reflection, false, 1, 6, 29),
                        {false, 1, 7, 45 * 7}, {true, 0, 29, 6 * 29})},
        SampleCase{"volume", sample(3, {3, 4, 5}, SampleMode::bilinear, SamplePadding::reflection, true, 2, 16, 29)},
        SampleCase{"volumeHalves",
                   halves(sample(3, {3, 4, 5}, SampleMode::bilinear, SamplePadding::border, false, 2, 24, 29))}),
    nameOf<SampleCase>);

struct NetworkCase {
    const char* name;
    uint32_t dims, batch, groups, channels;
    std::array<uint32_t, 3> size, kernel, stride;
    SamplingGrid samplingGrid;
    DataType storage = DataType::f32;
};

void PrintTo(const NetworkCase& c, std::ostream* stream) { *stream << c.name; }

class OffsetNetworkKernel : public KernelTest, public ::testing::WithParamInterface<NetworkCase> {};

TEST_P(OffsetNetworkKernel, agreesWithFloat64) {
    const NetworkCase& c = GetParam();
    if (c.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
        GTEST_SKIP() << "the device stores no halves";
    OffsetNetworkDesc desc;
    desc.storage = c.storage;
    desc.dims = c.dims;
    desc.batch = c.batch;
    desc.groups = c.groups;
    desc.channels = c.channels;
    desc.size = c.size;
    desc.kernel = c.kernel;
    desc.stride = c.stride;
    for (uint32_t axis = 0; axis < c.dims; ++axis)
        desc.padding[axis] = (c.kernel[axis] - c.stride[axis]) / 2;
    desc.scale = {1.5f, 2.25f, 0.75f};
    desc.divisor = {7, 5, 3};
    desc.samplingGrid = c.samplingGrid;
    desc.vgrid = true;

    const auto volume = [](const std::array<uint32_t, 3>& size) { return size[0] * size[1] * size[2]; };
    const uint32_t taps = volume(c.kernel), pixels = volume(c.size), keys = offsetPositions(desc);
    const std::array<uint32_t, 3> out = offsetGridSize(desc);
    reference::Random random(23);
    const auto floats = [&](std::size_t count, double range) {
        std::vector<float> values(count);
        for (float& value : values)
            value = static_cast<float>(random.uniform(-range, range));
        return values;
    };
    const std::vector<float> depthwise = floats(c.channels * taps, 1 / std::sqrt(taps)), bias = floats(c.channels, 1),
                             pointwise = floats(c.dims * c.channels, 1 / std::sqrt(c.channels));
    Operand queries(std::size_t{c.batch} * pixels * c.groups * c.channels, 0, c.storage);
    for (double& value : queries.values)
        value = rounded(random.uniform(-1, 1), c.storage);
    std::vector<float> packed(offsetNetworkWeightElements(desc));
    packOffsetNetwork(desc, depthwise, bias, pointwise, packed);

    const uint32_t gridDims = c.samplingGrid == SamplingGrid::column ? 2 : c.dims;
    std::vector<double> positions(std::size_t{c.batch} * c.groups * keys * c.dims), vgrid(positions.size()),
        samplingGrid(std::size_t{c.batch} * c.groups * keys * gridDims);
    for (uint32_t bg = 0; bg < c.batch * c.groups; ++bg)
        for (uint32_t key = 0; key < keys; ++key) {
            // The shapes' axes beyond dims have size 1, so the last one always runs fastest.
            const uint32_t place[3] = {key / (out[1] * out[2]), key / out[2] % out[1], key % out[2]};
            double offset[3] = {0, 0, 0};
            for (uint32_t channel = 0; channel < c.channels; ++channel) {
                double sum = bias[channel];
                for (uint32_t tap = 0; tap < taps; ++tap) {
                    const uint32_t within[3] = {tap / (c.kernel[1] * c.kernel[2]), tap / c.kernel[2] % c.kernel[1],
                                                tap % c.kernel[2]};
                    int64_t pixel = 0;
                    bool inside = true;
                    for (int axis = 0; axis < 3; ++axis) {
                        const int64_t i = int64_t{place[axis]} * c.stride[axis] + within[axis] - desc.padding[axis];
                        inside = inside && i >= 0 && i < c.size[axis];
                        pixel = pixel * c.size[axis] + i;
                    }
                    if (inside)
                        sum += depthwise[channel * taps + tap] *
                               queries.values[((std::size_t{bg / c.groups} * pixels + static_cast<std::size_t>(pixel)) *
                                                   c.groups +
                                               bg % c.groups) *
                                                  c.channels +
                                              channel];
                }
                sum *= 0.5 * (1 + std::erf(sum / std::sqrt(2.0)));
                for (uint32_t e = 0; e < c.dims; ++e)
                    offset[e] += sum * pointwise[e * c.channels + channel];
            }
            const std::size_t row = std::size_t{bg} * keys + key;
            for (uint32_t e = 0; e < c.dims; ++e) {
                const uint32_t axis = c.dims == 2 ? 1 - e : e; // 2D alone has x before y
                const double position = place[axis] + desc.scale[e] * std::tanh(offset[e]);
                const double normalised = 2 * position / desc.divisor[e] - 1;
                vgrid[(std::size_t{bg} * c.dims + e) * keys + key] = position;
                positions[row * c.dims + e] = normalised;
                if (c.samplingGrid == SamplingGrid::reversed)
                    samplingGrid[row * c.dims + c.dims - 1 - e] = normalised;
                if (c.samplingGrid == SamplingGrid::column)
                    samplingGrid[row * 2] = normalised;
            }
        }

    Operand weights(std::vector<double>(packed.begin(), packed.end()));
    Operand positionsOut(positions.size(), untouched), gridOut(samplingGrid.size(), untouched),
        vgridOut(vgrid.size(), untouched);
    if (c.samplingGrid == SamplingGrid::none)
        run(offsetNetwork(desc, profile()), {&queries, &weights, &positionsOut, &vgridOut});
    else {
        run(offsetNetwork(desc, profile()), {&queries, &weights, &positionsOut, &gridOut, &vgridOut});
        EXPECT_LE(relativeError(gridOut.values, samplingGrid), 2e-6);
    }
    EXPECT_LE(relativeError(positionsOut.values, positions), 2e-6);
    EXPECT_LE(relativeError(vgridOut.values, vgrid), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, OffsetNetworkKernel,
    ::testing::Values(
        NetworkCase{"oneChannel", 1, 3, 1, 1, {11, 1, 1}, {4, 1, 1}, {2, 1, 1}, SamplingGrid::none},
        NetworkCase{"column", 1, 2, 2, 24, {19, 1, 1}, {5, 1, 1}, {3, 1, 1}, SamplingGrid::column},
        NetworkCase{"onePixel", 2, 2, 2, 5, {1, 1, 1}, {3, 3, 1}, {1, 1, 1}, SamplingGrid::reversed},
        NetworkCase{"unevenAxes", 2, 2, 3, 8, {9, 13, 1}, {6, 3, 1}, {4, 1, 1}, SamplingGrid::none},
        NetworkCase{"manyChannels", 2, 1, 2, 260, {6, 7, 1}, {4, 4, 1}, {2, 2, 1}, SamplingGrid::reversed},
        NetworkCase{"volume", 3, 2, 1, 24, {4, 5, 7}, {1, 4, 3}, {1, 2, 1}, SamplingGrid::reversed},
        NetworkCase{"volumeHalves", 3, 1, 2, 16, {3, 6, 5}, {3, 4, 4}, {1, 2, 2}, SamplingGrid::none, DataType::f16},
        NetworkCase{"oddHalves", 2, 2, 1, 5, {7, 8, 1}, {4, 4, 1}, {2, 2, 1}, SamplingGrid::none, DataType::f16}),
    nameOf<NetworkCase>);

using Types = std::tuple<DataType, DataType>;

class ConvertKernel : public KernelTest, public ::testing::WithParamInterface<Types> {
protected:
    void SetUp() override {
        KernelTest::SetUp();
        const auto [from, to] = GetParam();
        if ((from == DataType::f16 || to == DataType::f16) && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
    }

    // `inputWidth` and `outputWidth` channels are there, converted are `channels` from `first` of each on.
    void expectConverted(uint32_t tokens, uint32_t channels, bool fromMajor, bool toMajor, uint32_t inputFirst = 0,
                         uint32_t inputMore = 0, uint32_t outputFirst = 0, uint32_t outputMore = 0) {
        ConvertDesc desc;
        std::tie(desc.fromType, desc.toType) = GetParam();
        desc.batch = 2;
        desc.tokens = tokens;
        desc.channels = channels;
        const auto slice = [&](bool major, uint32_t first, uint32_t more) {
            const uint32_t width = channels + more;
            return major ? MatrixLayout{true, first * tokens, tokens, width * tokens}
                         : MatrixLayout{false, first, width, width * tokens};
        };
        desc.from = slice(fromMajor, inputFirst, inputMore);
        desc.to = slice(toMajor, outputFirst, outputMore);
        Operand from(std::size_t{2} * desc.from.batchStride, nan, desc.fromType);
        Operand to(std::size_t{2} * desc.to.batchStride, untouched, desc.toType);
        std::vector<double> expected = to.values;
        reference::Random random(tokens * 1000 + channels);
        for (uint32_t b = 0; b < 2; ++b)
            for (uint32_t t = 0; t < tokens; ++t)
                for (uint32_t c = 0; c < channels; ++c)
                    from.values[at(desc.from, b, t, c)] = expected[at(desc.to, b, t, c)] =
                        rounded(random.uniform(-3, 3), DataType::f16);
        run(convert(desc, profile()), {&from, &to});
        EXPECT_EQ(to.values, expected) << tokens << " tokens, " << channels << " channels, channel-major " << fromMajor
                                       << " to " << toMajor << ", first " << inputFirst << " to " << outputFirst;
    }
};

TEST_P(ConvertKernel, layouts) {
    const struct { uint32_t tokens, channels; } sizes[] = {{1, 1}, {31, 5}, {64, 36}, {70, 67}};
    for (const auto& size : sizes)
        for (int majors = 0; majors < 4; ++majors)
            expectConverted(size.tokens, size.channels, majors & 1, majors & 2);
}

TEST_P(ConvertKernel, slices) {
    for (int majors = 0; majors < 4; ++majors) {
        expectConverted(44, 32, majors & 1, majors & 2, 4, 4, 4, 8);
        expectConverted(33, 7, majors & 1, majors & 2, 2, 3, 1, 3);
    }
}

// Halves are the nearest, ties to even, and saturate, on every driver; only subnormal halves are the driver's to round
// or to flush.
TEST_P(ConvertKernel, numbersOfAllSizes) {
    const auto [fromType, toType] = GetParam();
    ConvertDesc desc;
    desc.fromType = fromType;
    desc.toType = toType;
    const double most = std::numeric_limits<float>::max();
    Operand from({0,           1,           -1,
                  65504,       -65504,      0x1p-14,
                  0x1p-24,     1.0 / 3,     -3.14159274101257324,
                  1023.75,     2049,        1e-3f,
                  1 + 0x1p-11, 1 + 0x3p-11, 1 + 0x1p-11 + 0x1p-23,
                  2047.5,      2048.5,      65503.996,
                  65519,       65520,       -1e6f,
                  most,        -most,       0x1.ffep-15,
                  3e-6f,       1e-30f,      infinity,
                  -infinity,   nan},
                 fromType);
    desc.channels = static_cast<uint32_t>(from.values.size());
    for (const bool gpu : {false, true}) {
        Operand to(from.values.size(), untouched, toType);
        run(convert(desc, gpu ? gpuProfile() : profile()), {&from, &to});
        for (std::size_t i = 0; i < from.values.size(); ++i) {
            const double given = rounded(from.values[i], fromType), result = to.values[i];
            if (std::isnan(given)) {
                EXPECT_TRUE(std::isnan(result)) << result;
            } else if (toType == DataType::f32 || fromType == DataType::f16 || std::isinf(given)) {
                EXPECT_EQ(result, given);
            } else if (std::abs(given) < 0x1p-14) {
                EXPECT_LE(std::abs(result - given), 0x1p-24);
            } else {
                EXPECT_EQ(result, rounded(std::clamp(given, -65504.0, 65504.0), DataType::f16)) << given;
            }
        }
    }
}

std::string nameOfTypes(const ::testing::TestParamInfo<Types>& info) {
    return std::string(dataTypeName(std::get<0>(info.param))) + "to" + dataTypeName(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Types, ConvertKernel,
                         ::testing::Combine(::testing::Values(DataType::f32, DataType::f16),
                                            ::testing::Values(DataType::f32, DataType::f16)),
                         nameOfTypes);

} // namespace
} // namespace saccade::test
