// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs as an engine's images: formats, several of them, pixel shuffles, layers, odd sizes.
//
// The module is grid_sample at its own pixels, so that what comes out is what went in, and a golden case besides.
#include "image_runs.hpp"

namespace saccade::test {
namespace {

const TexelFormat rgba8{"R8G8B8A8_UNORM", VK_FORMAT_R8G8B8A8_UNORM, Code::unorm8, 4};
const TexelFormat rg16f{"R16G16_SFLOAT", VK_FORMAT_R16G16_SFLOAT, Code::half, 2};
const TexelFormat rgba16f{"R16G16B16A16_SFLOAT", VK_FORMAT_R16G16B16A16_SFLOAT, Code::half, 4};
const TexelFormat r32f{"R32_SFLOAT", VK_FORMAT_R32_SFLOAT, Code::float32, 1};
const TexelFormat rgba32f{"R32G32B32A32_SFLOAT", VK_FORMAT_R32G32B32A32_SFLOAT, Code::float32, 4};
const TexelFormat depth32{"D32_SFLOAT", VK_FORMAT_D32_SFLOAT, Code::float32, 1};

const TexelFormat readable[] = {
    rgba8,
    rg16f,
    rgba16f,
    r32f,
    rgba32f,
    {"R8_UNORM", VK_FORMAT_R8_UNORM, Code::unorm8, 1},
    {"R8G8_SNORM", VK_FORMAT_R8G8_SNORM, Code::snorm8, 2},
    {"R8G8B8A8_SRGB", VK_FORMAT_R8G8B8A8_SRGB, Code::srgb8, 4},
    {"B8G8R8A8_UNORM", VK_FORMAT_B8G8R8A8_UNORM, Code::unorm8, 4, true},
    {"B8G8R8A8_SRGB", VK_FORMAT_B8G8R8A8_SRGB, Code::srgb8, 4, true},
    {"R16_SFLOAT", VK_FORMAT_R16_SFLOAT, Code::half, 1},
    {"R16G16B16A16_UNORM", VK_FORMAT_R16G16B16A16_UNORM, Code::unorm16, 4},
    {"D16_UNORM", VK_FORMAT_D16_UNORM, Code::unorm16, 1},
};

TEST_F(Images, ofEveryFormatAreReadAsTheNumbersTheyStandFor) {
    for (const TexelFormat& format : readable) {
        const int64_t channels = format.components * 4;
        const reference::Shape shape{1, channels, 5, 7};
        Parts x;
        x.emplace_back(device(), format, format.components, 2, 14, 10, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
        fill(x);
        const reference::Tensor y = copy(shape, &x, nullptr);
        // Drivers approximate sRGB's curve to half a step of its eight bits.
        expectNear(y, unshuffled(x, shape), format.code == Code::srgb8 ? 0.5 / 255 : 1e-6, format.name);
    }
}

TEST_F(Images, ofAFrameAreConcatenatedEachWithItsOwnFactor) {
    // The last column and row of colour and motion are missing, as in a frame of 1080 lines and a factor of 16.
    const reference::Shape shape{1, 3 * 16 + 2 * 4 + 1 + 4 * 4, 6, 5};
    Parts x;
    x.emplace_back(device(), rgba8, 3, 4, 19, 23, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    x.emplace_back(device(), rg16f, 2, 2, 9, 11, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    x.emplace_back(device(), depth32, 1, 1, 5, 6, 1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_READ_ONLY_OPTIMAL);
    x.emplace_back(device(), rgba16f, 4, 2, 16, 14, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    fill(x);
    const reference::Tensor expected = unshuffled(x, shape);
    expectNear(copy(shape, &x, nullptr), expected, 1e-6, "float32");
    if (device().features() & SAC_FEATURE_STORAGE_16BIT_BIT) // numbers below 8 in half storage
        expectNear(copy(shape, &x, nullptr, {}, SAC_PRECISION_FLOAT16), expected, 4e-3, "float16");
}

TEST_F(Images, areWrittenInEveryFormatAndNotBeyondTheirEdge) {
    struct Case {
        const TexelFormat& format;
        uint32_t channels;
        double tolerance;
    };
    // Stores may round either way, so a whole step of the format is allowed; half's step below 1 is 2^-11 at most.
    const Case cases[] = {
        {rgba8, 4, 1.0 / 255}, {rgba8, 3, 1.0 / 255}, {rgba16f, 2, 0x1p-11}, {rgba32f, 4, 0}, {r32f, 1, 0}};
    for (const Case& c : cases) {
        const reference::Shape shape{1, c.channels * 9, 4, 3};
        reference::Tensor x(shape);
        for (double& value : x.data)
            value = static_cast<float>((random() & 0xffff) * 0x1p-16);
        Parts y;
        y.emplace_back(device(), c.format, c.channels, 3, 8, 11, 1);
        fill(y);
        copy(shape, nullptr, &y, {{"x", x}});
        double worst = 0;
        for (uint32_t py = 0; py < 11; ++py)
            for (uint32_t px = 0; px < 8; ++px)
                for (uint32_t k = 0; k < c.format.components; ++k) {
                    const double expected =
                        k >= c.channels ? (k == 3 ? 1 : 0) : x(0, k * 9 + py % 3 * 3 + px % 3, py / 3, px / 3);
                    worst = std::max(worst, std::abs(y[0].texel(0, py, px, k) - expected));
                }
        EXPECT_LE(worst, c.tolerance) << c.format.name << " with " << c.channels << " channels";
    }
}

TEST_F(Images, largerThanTheTensorKeepTheirOtherPixels) {
    const reference::Shape shape{1, 4, 3, 3};
    reference::Tensor x(shape, 0.5);
    Parts y;
    y.emplace_back(device(), rgba32f, 4, 1, 5, 4, 1);
    fill(y);
    const std::vector<std::byte> before(y[0].image.texels().begin(), y[0].image.texels().end());
    copy(shape, nullptr, &y, {{"x", x}});
    for (uint32_t py = 0; py < 4; ++py)
        for (uint32_t px = 0; px < 5; ++px) {
            const std::size_t at = (py * 5 + px) * rgba32f.bytes();
            const double old = decodeComponent(rgba32f, before.data() + at, 1);
            EXPECT_EQ(y[0].texel(0, py, px, 1), px < 3 && py < 3 ? 0.5 : old) << px << ", " << py;
        }
}

TEST_F(Images, ofABatchAreLayersAndASmallerBatchTouchesTheFirst) {
    const reference::Shape shape{3, 4 * 4, 4, 4};
    Parts x, y;
    x.emplace_back(device(), rgba16f, 4, 2, 8, 8, 3, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    y.emplace_back(device(), rgba32f, 4, 2, 8, 8, 3);
    fill(x);
    const reference::Tensor expected = unshuffled(x, shape);
    for (const uint32_t batch : {3u, 2u}) {
        fill(y);
        reference::Tensor wanted = unshuffled(y, shape); // layers that are not computed keep what they hold
        std::copy_n(expected.data.begin(), expected.data.size() / 3 * batch, wanted.data.begin());
        copy(shape, &x, &y, {}, SAC_PRECISION_FLOAT32, batch);
        expectNear(unshuffled(y, shape), wanted, 1e-6, "batch " + std::to_string(batch));
    }
}

TEST_F(Images, carryAGoldenCase) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/deformable_2d_0.safetensors");
    const reference::Tensor& x = golden.inputs.at("x");
    const uint32_t side = static_cast<uint32_t>(x.shape[2] * 2);
    for (const SacFeatureFlags without : {0, int(SAC_FEATURE_PUSH_DESCRIPTOR_BIT)}) {
        Context context(device(), nullptr, without);
        Model model(context, golden.bytes);
        Parts in, out;
        for (int i = 0; i < 4; ++i) {
            in.emplace_back(device(), rgba32f, 4, 2, side, side, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
            out.emplace_back(device(), rgba32f, 4, 2, side, side, 1);
        }
        for (uint32_t c = 0; c < 64; ++c)
            for (uint32_t py = c / 2 % 2; py < side; py += 2)
                for (uint32_t px = c % 2; px < side; px += 2) {
                    const float value = static_cast<float>(x(0, c, py / 2, px / 2));
                    std::memcpy(&in[c / 16].image.texels()[((py * side + px) * 4 + c / 4 % 4) * 4], &value, 4);
                }
        EXPECT_EQ(reference::relativeError(unshuffled(in, x.shape), x), 0);
        reference::Tensors buffers = golden.inputs;
        buffers.erase("x");
        run(model, {buffers, {{"x", {x.shape, &in}}, {"y", {x.shape, &out}}}});
        EXPECT_LE(reference::relativeError(unshuffled(out, x.shape), golden.outputs.at("y")), 5e-5);
    }
}

} // namespace
} // namespace saccade::test
