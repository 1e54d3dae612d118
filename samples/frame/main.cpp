// frame: a small engine that draws a moving scene and runs deformable attention on it in the same command buffer.
// Writes frame.png, points.png (where the keys were moved to), attention.png (what one cell attends to) and output.png.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "attention_pass.hpp"
#include "engine.hpp"
#include "picture.hpp"
#include "scene_pass.hpp"

namespace frame {
namespace {

constexpr uint32_t size = 256;       // pixels per side of the frame
constexpr uint32_t cells = size / 4; // tokens per side
constexpr uint32_t keys = cells / 4; // keys per side: the model's downsample_factor
constexpr uint32_t zoom = 3;         // of the pictures

struct Options {
    std::string device, output = "frame-output", model = SACCADE_SAMPLE_DIR "/frame/model.safetensors";
    uint32_t frames = 5;
    glm::uvec2 cell{40, 42}; ///< whose attention is shown
};

struct FrameTimes {
    double draw, unshuffle, attention;
};

std::vector<char> readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

void barrier(VkCommandBuffer commandBuffer, VkPipelineStageFlags from, VkAccessFlags written, VkPipelineStageFlags to,
             VkAccessFlags read) {
    VkMemoryBarrier info{};
    info.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    info.srcAccessMask = written;
    info.dstAccessMask = read;
    vkCmdPipelineBarrier(commandBuffer, from, to, 0, 1, &info, 0, nullptr, 0, nullptr);
}

constexpr VkPipelineStageFlags compute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;

// One frame: draw, hand over, attend. The two barriers around the run are all that the library asks for.
FrameTimes renderFrame(Engine& engine, ScenePass& scene, const AttentionPass& attention, const Buffer& picture, float time) {
    engine.submit([&](VkCommandBuffer commandBuffer) {
        engine.mark(commandBuffer, 0);
        scene.draw(commandBuffer, time);
        engine.mark(commandBuffer, 1);
        scene.unshuffle(commandBuffer);
        engine.mark(commandBuffer, 2);
        barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, compute, VK_ACCESS_SHADER_READ_BIT);
        attention.record(commandBuffer);
        barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
        engine.mark(commandBuffer, 3);
        scene.read(commandBuffer, picture);
        barrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT,
                VK_ACCESS_HOST_READ_BIT);
    });
    return {engine.milliseconds(0, 1), engine.milliseconds(1, 2), engine.milliseconds(2, 3)};
}

void upload(Engine& engine, AttentionPass& attention) {
    engine.submit([&](VkCommandBuffer commandBuffer) {
        attention.upload(commandBuffer);
        barrier(commandBuffer, VK_PIPELINE_STAGE_TRANSFER_BIT | compute,
                VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT, compute,
                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    });
}

Picture framePicture(const Buffer& buffer) {
    Picture out(size, size);
    const uint8_t* bytes = static_cast<const uint8_t*>(buffer.data);
    for (uint32_t y = 0; y < size; ++y)
        for (uint32_t x = 0; x < size; ++x, bytes += 4)
            out.at(x, y) = glm::vec3(bytes[0], bytes[1], bytes[2]) / 255.0f;
    return out;
}

// Pixel-shuffles y back into a picture: what every cell gathered from the cells it attends to.
Picture outputPicture(const float* y) {
    Picture out(size, size);
    for (uint32_t py = 0; py < size; ++py)
        for (uint32_t px = 0; px < size; ++px)
            for (uint32_t c = 0; c < 3; ++c) {
                const uint32_t channel = c * 16 + py % 4 * 4 + px % 4;
                out.at(px, py)[int(c)] = y[(channel * cells + py / 4) * cells + px / 4] + 0.5f;
            }
    return out;
}

// Where key (x, y) of a group lies in the enlarged picture. vgrid counts downsampled pixels, whose ends sampling puts on
// the outer edges of the frame (normalised to [-1, 1], align_corners false).
glm::vec2 keyPlace(const float* vgrid, uint32_t group, uint32_t key) {
    const float x = vgrid[(group * 2 + 0) * keys * keys + key], y = vgrid[(group * 2 + 1) * keys * keys + key];
    return glm::vec2(x, y) / float(keys - 1) * float(size * zoom);
}

glm::vec2 gridPlace(uint32_t key) { return glm::vec2(key % keys, key / keys) / float(keys - 1) * float(size * zoom); }

const glm::vec3 groupColors[] = {{1.0f, 0.35f, 0.3f}, {0.4f, 0.95f, 0.45f}, {0.45f, 0.65f, 1.0f}, {1.0f, 0.9f, 0.4f}};

Picture pointsPicture(const Picture& frame, const float* vgrid) {
    Picture out = frame.enlarged(zoom);
    out.darken(0.62f);
    for (uint32_t group = 0; group < 4; ++group)
        for (uint32_t key = 0; key < keys * keys; ++key) {
            const glm::vec2 from = gridPlace(key), to = keyPlace(vgrid, group, key);
            out.line(from, to, groupColors[group], 1.6f);
            out.disc(to, 3.2f, groupColors[group]);
        }
    return out;
}

// The weights of one cell's attention, averaged over heads, laid on the frame at the places the keys were moved to.
Picture attentionPicture(const Picture& frame, const float* vgrid, const float* attention, glm::uvec2 cell) {
    Picture out = frame.enlarged(zoom);
    out.darken(0.45f);
    std::vector<float> heat(size_t(size) * size * zoom * zoom, 0.0f);
    const uint32_t query = cell.y * cells + cell.x, side = size * zoom;
    const float radius = 0.8f * float(side) / keys;
    for (uint32_t head = 0; head < 4; ++head)
        for (uint32_t key = 0; key < keys * keys; ++key) {
            const float weight = attention[(size_t(head) * cells * cells + query) * keys * keys + key];
            const glm::vec2 at = keyPlace(vgrid, head, key);
            const glm::ivec2 low = glm::max(glm::ivec2(at - 2 * radius), glm::ivec2(0));
            const glm::ivec2 high = glm::min(glm::ivec2(at + 2 * radius), glm::ivec2(int(side) - 1));
            for (int y = low.y; y <= high.y; ++y)
                for (int x = low.x; x <= high.x; ++x) {
                    const glm::vec2 d = (glm::vec2(x, y) - at) / radius;
                    heat[size_t(y) * side + size_t(x)] += weight * std::exp(-2 * glm::dot(d, d));
                }
        }
    const float highest = std::max(*std::max_element(heat.begin(), heat.end()), 1e-12f);
    for (uint32_t y = 0; y < side; ++y)
        for (uint32_t x = 0; x < side; ++x) {
            const float value = std::sqrt(heat[size_t(y) * side + x] / highest);
            out.at(x, y) = glm::mix(out.at(x, y), heatColor(value), 0.8f * value);
        }
    out.ring((glm::vec2(cell) + 0.5f) * float(4 * zoom), 9, {1, 1, 1}, 2.5f);
    return out;
}

void run(const Options& options) {
    const std::vector<char> model = readFile(options.model);
    std::filesystem::create_directories(options.output);
    Engine engine(options.device, attentionWishes);
    const Buffer input = engine.createBuffer(size_t(64) * cells * cells * sizeof(float), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, false);
    const Buffer pixels = engine.createBuffer(size_t(size) * size * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT, true);
    ScenePass scene(engine, size, input);
    AttentionPass attention(engine, model, input, cells, {"y", "vgrid"});
    upload(engine, attention);

    const SacPlanProperties& plan = attention.properties();
    std::printf("device     %s\n", engine.deviceName().c_str());
    std::printf("attention  %u tokens, %u keys, 4 heads; %u dispatches, %u barriers, %.2f GFLOP\n", cells * cells, keys * keys,
                plan.dispatchCount, plan.barrierCount, double(plan.flops) * 1e-9);
    std::printf("memory     weights %.2f MiB, tables %.2f MiB, workspace %.2f MiB\n",
                double(attention.memoryBytes(SAC_MEMORY_WEIGHTS)) / 1048576,
                double(attention.memoryBytes(SAC_MEMORY_TABLES)) / 1048576,
                double(attention.memoryBytes(SAC_MEMORY_WORKSPACE)) / 1048576);
    std::printf("\nframe   draw ms   to tensor ms   attention ms\n");
    for (uint32_t i = 0; i < options.frames; ++i) {
        const FrameTimes times = renderFrame(engine, scene, attention, pixels, 3.0f + 0.1f * float(i));
        std::printf("%5u %9.2f %14.2f %14.2f%s\n", i, times.draw, times.unshuffle, times.attention,
                    i == 0 ? "   (first use: the driver compiles)" : "");
        std::fflush(stdout);
    }

    // The weights themselves are quadratic in memory, so only this second plan for the picture asks for them.
    AttentionPass maps(engine, model, input, cells, {"attention"});
    upload(engine, maps);
    engine.submit([&](VkCommandBuffer commandBuffer) {
        maps.record(commandBuffer);
        barrier(commandBuffer, compute, VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
    });

    const Picture frame = framePicture(pixels);
    const auto write = [&](const Picture& picture, const char* name) {
        const std::string path = (std::filesystem::path(options.output) / name).string();
        picture.writePng(path);
        std::printf("wrote %s\n", path.c_str());
    };
    std::printf("\n");
    write(frame.enlarged(zoom), "frame.png");
    write(pointsPicture(frame, attention.output(1)), "points.png");
    write(attentionPicture(frame, attention.output(1), maps.output(0), options.cell), "attention.png");
    write(outputPicture(attention.output(0)).enlarged(zoom), "output.png");
}

[[noreturn]] void usage(int code) {
    std::fprintf(code ? stderr : stdout,
                 "frame [--frames N] [--output DIR] [--device NAME] [--cell X,Y] [--model FILE]\n"
                 "Renders N frames (default 5), runs DeformableAttention2D in each and writes PNGs to DIR (frame-output).\n"
                 "--cell: the token, 0 to %u each, whose attention is drawn.\n",
                 cells - 1);
    std::exit(code);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string key = argv[i];
        if (key == "--help" || key == "-h")
            usage(0);
        if (i + 1 == argc)
            usage(2);
        const char* value = argv[++i];
        if (key == "--frames")
            options.frames = uint32_t(std::clamp(std::atoi(value), 1, 10000));
        else if (key == "--output")
            options.output = value;
        else if (key == "--device")
            options.device = value;
        else if (key == "--model")
            options.model = value;
        else if (key != "--cell" || std::sscanf(value, "%u,%u", &options.cell.x, &options.cell.y) != 2 ||
                 options.cell.x >= cells || options.cell.y >= cells)
            usage(2);
    }
    return options;
}

} // namespace
} // namespace frame

int main(int argc, char** argv) {
    const frame::Options options = frame::parse(argc, argv);
    try {
        frame::run(options);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "frame: %s\n", e.what());
        return 1;
    }
}
