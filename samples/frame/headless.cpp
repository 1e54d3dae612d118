// SPDX-License-Identifier: Apache-2.0
#include "headless.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "result_pictures.hpp"
#include "sizes.hpp"

namespace frame {
namespace {

constexpr uint32_t defaultFrames = 5;

void printTimes(FramesInFlight& frames, uint32_t frame) {
    frames.wait(frame);
    const FrameTimes times = frames.times(frame);
    std::printf("%5u %9.2f %14.2f%s\n", frame, times.draw, times.attention,
                frame == 0 ? "   (first use: the driver compiles)" : "");
    std::fflush(stdout);
}

// What a frame leaves, for the host.
struct Results {
    Buffer frame, y, vgrid;
};

Buffer readable(Engine& engine, VkDeviceSize size) {
    return engine.createBuffer(size, VK_BUFFER_USAGE_TRANSFER_DST_BIT, true);
}

void finishCopies(VkCommandBuffer commandBuffer) {
    barrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
            VK_ACCESS_HOST_READ_BIT);
}

// Begins frames 0 to count - 1 and reads each back; with two in flight frame n is begun before frame n - 1 is read.
void renderFrames(FramesInFlight& frames, const std::vector<Results>& results, uint32_t count) {
    const uint32_t lag = frames.count() - 1;
    std::printf("\nframe   draw ms   attention ms\n");
    for (uint32_t i = 0; i < count + lag; ++i) {
        if (i >= frames.count())
            printTimes(frames, i - frames.count());
        if (i < count)
            frames.begin(i, sceneTime(i));
        if (i < lag)
            continue;
        const uint32_t slot = frames.slot(i - lag);
        frames.show(i - lag, [&](VkCommandBuffer commandBuffer) {
            copy(commandBuffer, frames.scene(slot).image(), results[slot].frame);
            copy(commandBuffer, frames.attention().y(slot), results[slot].y);
            copy(commandBuffer, frames.attention().extra(slot), results[slot].vgrid);
            finishCopies(commandBuffer);
        });
    }
    printTimes(frames, count - 1);
}

} // namespace

std::vector<char> readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void describe(const Engine& engine, const AttentionPass& attention, bool async) {
    const SacPlanProperties& plan = attention.properties();
    const auto mebibytes = [&](SacMemoryKind kind) { return double(attention.memoryBytes(kind)) / 1048576; };
    std::printf("device     %s\n", engine.deviceName().c_str());
    if (async)
        std::printf("queue      attention's is %s\n", engine.secondQueueName().c_str());
    std::printf("attention  %u tokens, %u keys, 4 heads; %u dispatches, %u barriers, %.2f GFLOP\n", cells * cells,
                keys * keys, plan.dispatchCount, plan.barrierCount, double(plan.flops) * 1e-9);
    std::printf("memory     weights %.2f MiB, tables %.2f MiB, workspace %.2f MiB\n", mebibytes(SAC_MEMORY_WEIGHTS),
                mebibytes(SAC_MEMORY_TABLES), mebibytes(SAC_MEMORY_WORKSPACE));
}

void runHeadless(const Options& options) {
    const std::vector<char> model = readFile(options.model);
    std::filesystem::create_directories(options.output);
    EngineInfo info;
    info.deviceName = options.device;
    info.wishes = attentionWishes;
    info.secondQueue = options.async;
    Engine engine(info);
    FramesInFlight frames(engine, model, options.async ? 2 : 1, options.async);
    std::vector<Results> results;
    for (uint32_t i = 0; i < frames.count(); ++i)
        results.push_back({readable(engine, frameSize * frameSize * 4), readable(engine, frameSize * frameSize * 8),
                           readable(engine, frames.attention().extra(i).size)});
    describe(engine, frames.attention(), options.async);
    const uint32_t count = options.frames ? options.frames : defaultFrames;
    renderFrames(frames, results, count);

    // The weights themselves are quadratic in memory, so only this second plan for the picture asks for them.
    const uint32_t last = frames.slot(count - 1);
    AttentionPass maps(engine, model, {frames.scene(last).features()}, "attention");
    const Buffer attention = readable(engine, maps.extra().size);
    maps.upload(frames.attentionQueue());
    engine.submit(frames.attentionQueue(), [&](VkCommandBuffer commandBuffer) {
        maps.record(commandBuffer);
        barrier(commandBuffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT);
        copy(commandBuffer, maps.extra(), attention);
        finishCopies(commandBuffer);
    });

    const auto floats = [](const Buffer& buffer) { return static_cast<const float*>(buffer.data); };
    const float* vgrid = floats(results[last].vgrid);
    const Picture frame = framePicture(static_cast<const uint8_t*>(results[last].frame.data));
    const Picture output = outputPicture(static_cast<const uint64_t*>(results[last].y.data));
    const auto write = [&](const Picture& picture, const char* name) {
        const std::string path = (std::filesystem::path(options.output) / name).string();
        picture.writePng(path);
        std::printf("wrote %s\n", path.c_str());
    };
    std::printf("\n");
    write(frame.enlarged(zoom), "frame.png");
    write(pointsPicture(frame, vgrid), "points.png");
    write(attentionPicture(frame, vgrid, floats(attention), options.cell), "attention.png");
    write(output.enlarged(zoom), "output.png");
}

} // namespace frame
