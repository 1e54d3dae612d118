// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs as an engine's images: formats, several of them, pixel shuffles, layers, odd sizes.
//
// The module is grid_sample at its own pixels, so that what comes out is what went in, and a golden case besides.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "host/buffer.hpp"
#include "reference/compare.hpp"
#include "support/golden.hpp"
#include "support/image.hpp"
#include "support/model_file.hpp"
#include "texel_format.hpp"

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

// One image of a tensor, of any size, and what the plan and the run are told of it.
struct Part {
    const TexelFormat& format;
    uint32_t channels, factor;
    uint32_t width, height, layers;
    VkImageLayout layout;
    Image image;

    Part(const host::Device& device, const TexelFormat& format, uint32_t channels, uint32_t factor, uint32_t width,
         uint32_t height, uint32_t layers, VkImageLayout layout = VK_IMAGE_LAYOUT_GENERAL)
        : format(format), channels(channels), factor(factor), width(width), height(height), layers(layers),
          layout(layout),
          image(device, format.format, format.bytes(), width, height, layers,
                layout == VK_IMAGE_LAYOUT_GENERAL ? VK_IMAGE_USAGE_STORAGE_BIT : VK_IMAGE_USAGE_SAMPLED_BIT) {}

    SacImageDesc desc() const {
        return sac::imageDesc(format.format, channels == format.components ? 0 : channels, factor);
    }
    SacImageBinding binding() const { return sac::imageBinding(image.view(), layout); }

    double texel(uint32_t layer, uint32_t y, uint32_t x, uint32_t component) const {
        y = std::min(y, height - 1);
        x = std::min(x, width - 1);
        const std::size_t at = (std::size_t{layer} * height + y) * width + x;
        return decodeComponent(format, image.texels().data() + at * format.bytes(), component);
    }
};
using Parts = std::deque<Part>;

// torch.cat of pixel_unshuffle of each image's first channels, the images' edges repeated.
reference::Tensor unshuffled(const Parts& parts, const reference::Shape& shape) {
    reference::Tensor out(shape);
    int64_t first = 0;
    for (const Part& part : parts) {
        const int64_t r = part.factor;
        for (int64_t b = 0; b < shape[0]; ++b)
            for (int64_t k = 0; k < part.channels; ++k)
                for (int64_t y = 0; y < shape[2] * r; ++y)
                    for (int64_t x = 0; x < shape[3] * r; ++x)
                        out(b, first + k * r * r + y % r * r + x % r, y / r, x / r) =
                            part.texel(uint32_t(b), uint32_t(y), uint32_t(x), uint32_t(k));
        first += part.channels * r * r;
    }
    return out;
}

class Images : public GpuTest {
protected:
    // (b, h, w, 2): the centre of every pixel.
    static reference::Tensor ownPixels(const reference::Shape& x) {
        reference::Tensor grid({x[0], x[2], x[3], 2});
        for (int64_t b = 0; b < x[0]; ++b)
            for (int64_t i = 0; i < x[2]; ++i)
                for (int64_t j = 0; j < x[3]; ++j) {
                    grid(b, i, j, 0) = (2.0 * double(j) + 1) / double(x[3]) - 1;
                    grid(b, i, j, 1) = (2.0 * double(i) + 1) / double(x[2]) - 1;
                }
        return grid;
    }

    void fill(Parts& parts) {
        for (Part& part : parts)
            fillTexels(part.format, part.image.texels(), random);
    }

    struct Run {
        const reference::Tensors& inputs; ///< of the inputs that are buffers
        SacPrecision precision = SAC_PRECISION_FLOAT32;
        uint32_t batch = 0;
    };

    // Runs with x or y as images (null: a buffer) and returns y if it is a buffer.
    reference::Tensor run(SacModel model, const reference::Shape& shape, Parts* x, Parts* y, const Run& run) {
        sac::PlanBuilder description;
        std::vector<SacImageDesc> xDescs, yDescs;
        std::vector<SacImageBinding> xViews, yViews;
        description.info.precision = run.precision;
        description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
        description.input("x", shape).output("y");
        for (const auto& [name, tensor] : run.inputs)
            if (name != "x")
                description.input(name, tensor.shape);
        const auto describe = [](Parts* parts, std::vector<SacImageDesc>& descs, std::vector<SacImageBinding>& views,
                                 SacTensorDesc& desc) {
            if (!parts)
                return;
            for (const Part& part : *parts) {
                descs.push_back(part.desc());
                views.push_back(part.binding());
            }
            desc.imageCount = static_cast<uint32_t>(descs.size());
            desc.images = descs.data();
        };
        describe(x, xDescs, xViews, description.inputs[0]);
        describe(y, yDescs, yViews, description.outputs[0]);

        const Plan plan(model, description);
        for (const SacTensorInfo& info : plan.tensors()) {
            const std::string name = info.name;
            EXPECT_EQ(info.imageCount, name == "x" ? xDescs.size() : name == "y" ? yDescs.size() : 0) << name;
            EXPECT_EQ(info.size == 0, info.imageCount > 0) << name;
        }
        PlanBuffers buffers(device(), plan);
        for (SacTensorBinding& binding : buffers.bindings) {
            const std::string name = buffers.name(binding);
            const std::vector<SacImageBinding>& views = name == "x" ? xViews : yViews;
            if ((name == "x" && x) || (name == "y" && y)) {
                binding.imageCount = static_cast<uint32_t>(views.size());
                binding.images = views.data();
            } else if (name != "y") {
                buffers.write(name, run.inputs.at(name));
            }
        }
        submit([&](VkCommandBuffer commandBuffer) {
            for (Parts* parts : {x, y})
                if (parts)
                    for (const Part& part : *parts)
                        part.image.upload(commandBuffer, part.layout);
            recordUpload(plan, commandBuffer, buffers);
            recordRun(plan, commandBuffer, buffers, run.batch);
            if (y)
                for (const Part& part : *y)
                    part.image.download(commandBuffer);
        });
        return y ? reference::Tensor{} : buffers.read("y");
    }

    static void expectNear(const reference::Tensor& got, const reference::Tensor& expected, double tolerance,
                           const std::string& what) {
        ASSERT_EQ(got.shape, expected.shape) << what;
        double worst = 0;
        for (std::size_t i = 0; i < got.data.size(); ++i)
            worst = std::max(worst, std::abs(got.data[i] - expected.data[i]));
        EXPECT_LE(worst, tolerance) << what;
    }

    std::mt19937 random{20};
    Context context{device()};
    const std::vector<std::byte> file =
        makeModelFile("grid_sample", {{"dims", 2}, {"mode", "nearest"}, {"padding", "border"}}, {});
    Model sampler{context, file};
};

TEST_F(Images, ofEveryFormatAreReadAsTheNumbersTheyStandFor) {
    for (const TexelFormat& format : readable) {
        const int64_t channels = format.components * 4;
        const reference::Shape shape{1, channels, 5, 7};
        Parts x;
        x.emplace_back(device(), format, format.components, 2, 14, 10, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
        fill(x);
        const reference::Tensors inputs{{"grid", ownPixels(shape)}};
        const reference::Tensor y = run(sampler, shape, &x, nullptr, {inputs});
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
    const reference::Tensors inputs{{"grid", ownPixels(shape)}};
    expectNear(run(sampler, shape, &x, nullptr, {inputs}), expected, 1e-6, "float32");
    if (device().features() & SAC_FEATURE_STORAGE_16BIT_BIT) // numbers below 8 in half storage
        expectNear(run(sampler, shape, &x, nullptr, {inputs, SAC_PRECISION_FLOAT16}), expected, 4e-3, "float16");
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
        const reference::Tensors inputs{{"x", x}, {"grid", ownPixels(shape)}};
        Parts y;
        y.emplace_back(device(), c.format, c.channels, 3, 8, 11, 1);
        fill(y);
        run(sampler, shape, nullptr, &y, {inputs});
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
    const reference::Tensors inputs{{"x", x}, {"grid", ownPixels(shape)}};
    Parts y;
    y.emplace_back(device(), rgba32f, 4, 1, 5, 4, 1);
    fill(y);
    const std::vector<std::byte> before(y[0].image.texels().begin(), y[0].image.texels().end());
    run(sampler, shape, nullptr, &y, {inputs});
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
    const reference::Tensors inputs{{"grid", ownPixels(shape)}};
    for (const uint32_t batch : {3u, 2u}) {
        fill(y);
        reference::Tensor wanted = unshuffled(y, shape); // layers that are not computed keep what they hold
        std::copy_n(expected.data.begin(), expected.data.size() / 3 * batch, wanted.data.begin());
        run(sampler, shape, &x, &y, {inputs, SAC_PRECISION_FLOAT32, batch});
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
        run(model, x.shape, &in, &out, {golden.inputs});
        EXPECT_LE(reference::relativeError(unshuffled(out, x.shape), golden.outputs.at("y")), 5e-5);
    }
}

} // namespace
} // namespace saccade::test
