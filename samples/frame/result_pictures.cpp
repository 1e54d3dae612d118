// SPDX-License-Identifier: Apache-2.0
#include "result_pictures.hpp"

#include <algorithm>
#include <cmath>

#include <glm/gtc/packing.hpp>

#include "sizes.hpp"

namespace frame {
namespace {

// Where key (x, y) of a group lies in the enlarged picture. vgrid counts downsampled pixels, whose ends sampling puts
// on the outer edges of the frame (normalised to [-1, 1], align_corners false).
glm::vec2 keyPlace(const float* vgrid, uint32_t group, uint32_t key) {
    const float x = vgrid[(group * 2 + 0) * keys * keys + key], y = vgrid[(group * 2 + 1) * keys * keys + key];
    return glm::vec2(x, y) / float(keys - 1) * float(frameSize * zoom);
}

glm::vec2 gridPlace(uint32_t key) {
    return glm::vec2(key % keys, key / keys) / float(keys - 1) * float(frameSize * zoom);
}

const glm::vec3 groupColors[] = {{1.0f, 0.35f, 0.3f}, {0.4f, 0.95f, 0.45f}, {0.45f, 0.65f, 1.0f}, {1.0f, 0.9f, 0.4f}};

} // namespace

Picture framePicture(const uint8_t* bytes) {
    Picture out(frameSize, frameSize);
    for (uint32_t y = 0; y < frameSize; ++y)
        for (uint32_t x = 0; x < frameSize; ++x, bytes += 4)
            out.at(x, y) = glm::vec3(bytes[0], bytes[1], bytes[2]) / 255.0f;
    return out;
}

Picture outputPicture(const uint64_t* y) {
    Picture out(frameSize, frameSize);
    for (uint32_t py = 0; py < frameSize; ++py)
        for (uint32_t px = 0; px < frameSize; ++px)
            out.at(px, py) = glm::vec3(glm::unpackHalf4x16(*y++)) + 0.5f;
    return out;
}

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

Picture attentionPicture(const Picture& frame, const float* vgrid, const float* attention, glm::uvec2 cell) {
    Picture out = frame.enlarged(zoom);
    out.darken(0.45f);
    std::vector<float> heat(size_t(frameSize) * frameSize * zoom * zoom, 0.0f);
    const uint32_t query = cell.y * cells + cell.x, side = frameSize * zoom;
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
    out.ring((glm::vec2(cell) + 0.5f) * float(cellSize * zoom), 9, {1, 1, 1}, 2.5f);
    return out;
}

} // namespace frame
