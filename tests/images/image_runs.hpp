// SPDX-License-Identifier: Apache-2.0
// Runs of models whose inputs and outputs are images, beside what those images stand for in float64.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
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

// One image of a tensor, of any size, and what the plan and the run are told of it.
struct Part {
    const TexelFormat& format;
    uint32_t channels, factor;
    uint32_t width, height, layers;
    VkImageLayout layout;
    Image image;
    SacImageDesc settings = sac::imageDesc(VK_FORMAT_UNDEFINED); ///< the rest of what the plan is told

    Part(const host::Device& device, const TexelFormat& format, uint32_t channels, uint32_t factor, uint32_t width,
         uint32_t height, uint32_t layers, VkImageLayout layout = VK_IMAGE_LAYOUT_GENERAL)
        : format(format), channels(channels), factor(factor), width(width), height(height), layers(layers),
          layout(layout),
          image(device, format.format, format.bytes(), width, height, layers,
                layout == VK_IMAGE_LAYOUT_GENERAL ? VK_IMAGE_USAGE_STORAGE_BIT : VK_IMAGE_USAGE_SAMPLED_BIT) {}

    SacImageDesc desc() const {
        SacImageDesc desc = settings;
        desc.format = format.format;
        desc.channels = channels == format.components ? 0 : channels;
        desc.pixelShuffle = factor;
        return desc;
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

// torch.cat of pixel_unshuffle of each image's channels, the images' edges repeated.
inline reference::Tensor unshuffled(const Parts& parts, const reference::Shape& shape) {
    reference::Tensor out(shape);
    int64_t first = 0;
    for (const Part& part : parts) {
        const int64_t r = part.factor;
        for (int64_t b = 0; b < shape[0]; ++b)
            for (int64_t k = 0; k < part.channels; ++k)
                for (int64_t y = 0; y < shape[2] * r; ++y)
                    for (int64_t x = 0; x < shape[3] * r; ++x)
                        out(b, first + k * r * r + y % r * r + x % r, y / r, x / r) =
                            part.texel(uint32_t(b), uint32_t(y), uint32_t(x), part.settings.firstChannel + uint32_t(k));
        first += part.channels * r * r;
    }
    return out;
}

/// The sampler is grid_sample, which gives a map at its own pixels unchanged.
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

    /// A tensor that is images.
    struct ImageTensor {
        reference::Shape shape; ///< of outputs not read
        Parts* parts;
    };
    struct Run {
        const reference::Tensors& inputs; ///< those that are buffers
        std::map<std::string, ImageTensor> images;
        std::string output = "y";
        SacPrecision precision = SAC_PRECISION_FLOAT32;
        uint32_t batch = 0;
    };

    /// Runs the model and returns the output if it is a buffer.
    reference::Tensor run(SacModel model, const Run& run) {
        sac::PlanBuilder description;
        std::map<std::string, std::vector<SacImageDesc>> descs;
        std::map<std::string, std::vector<SacImageBinding>> views;
        for (const auto& [name, tensor] : run.images)
            for (const Part& part : *tensor.parts) {
                descs[name].push_back(part.desc());
                views[name].push_back(part.binding());
            }
        const auto describe = [&](const std::string& name, SacTensorDesc& desc) {
            desc.imageCount = static_cast<uint32_t>(descs[name].size());
            desc.images = descs[name].data();
        };
        description.info.precision = run.precision;
        description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
        for (const auto& [name, tensor] : run.inputs)
            description.input(name, tensor.shape);
        for (const auto& [name, tensor] : run.images)
            if (name != run.output) {
                description.input(name, tensor.shape);
                describe(name, description.inputs.back());
            }
        description.output(run.output);
        describe(run.output, description.outputs.back());

        const Plan plan(model, description);
        for (const SacTensorInfo& info : plan.tensors()) {
            EXPECT_EQ(info.imageCount, descs[info.name].size()) << info.name;
            EXPECT_EQ(info.size == 0, info.imageCount > 0) << info.name;
        }
        PlanBuffers buffers(device(), plan);
        for (SacTensorBinding& binding : buffers.bindings) {
            const std::string name = buffers.name(binding);
            if (run.images.count(name)) {
                binding.imageCount = static_cast<uint32_t>(views[name].size());
                binding.images = views[name].data();
            } else if (name != run.output) {
                buffers.write(name, run.inputs.at(name));
            }
        }
        submit([&](VkCommandBuffer commandBuffer) {
            for (const auto& [name, tensor] : run.images)
                for (const Part& part : *tensor.parts)
                    part.image.upload(commandBuffer, part.layout);
            recordUpload(plan, commandBuffer, buffers);
            recordRun(plan, commandBuffer, buffers, run.batch);
            if (const auto output = run.images.find(run.output); output != run.images.end())
                for (const Part& part : *output->second.parts)
                    part.image.download(commandBuffer);
        });
        return run.images.count(run.output) ? reference::Tensor{} : buffers.read(run.output);
    }

    /// Runs the sampler at its own pixels, so that what comes out is what went in.
    reference::Tensor copy(const reference::Shape& shape, Parts* x, Parts* y, reference::Tensors inputs = {},
                           SacPrecision precision = SAC_PRECISION_FLOAT32, uint32_t batch = 0) {
        inputs["grid"] = ownPixels(shape);
        Run description{inputs, {}, "y", precision, batch};
        if (x)
            description.images["x"] = {shape, x};
        if (y)
            description.images["y"] = {shape, y};
        return run(sampler, description);
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

} // namespace saccade::test
