// SPDX-License-Identifier: Apache-2.0
#include "picture.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>

namespace frame {

Picture Picture::enlarged(uint32_t factor) const {
    Picture out(width_ * factor, height_ * factor);
    for (uint32_t y = 0; y < out.height_; ++y)
        for (uint32_t x = 0; x < out.width_; ++x) {
            const glm::vec2 last(width_ - 1, height_ - 1);
            const glm::vec2 p = glm::clamp((glm::vec2(x, y) + 0.5f) / float(factor) - 0.5f, glm::vec2(0), last);
            const uint32_t x0 = uint32_t(p.x), y0 = uint32_t(p.y);
            const uint32_t x1 = std::min(x0 + 1, width_ - 1), y1 = std::min(y0 + 1, height_ - 1);
            const glm::vec2 f = p - glm::vec2(x0, y0);
            out.at(x, y) = glm::mix(glm::mix(at(x0, y0), at(x1, y0), f.x), glm::mix(at(x0, y1), at(x1, y1), f.x), f.y);
        }
    return out;
}

void Picture::darken(float factor) {
    for (glm::vec3& pixel : pixels_)
        pixel *= factor;
}

template <class Distance>
void Picture::fill(glm::vec2 low, glm::vec2 high, glm::vec3 color, Distance distance) {
    const int x0 = std::max(int(std::floor(low.x)) - 1, 0), x1 = std::min(int(std::ceil(high.x)) + 1, int(width_) - 1);
    const int y0 = std::max(int(std::floor(low.y)) - 1, 0), y1 = std::min(int(std::ceil(high.y)) + 1, int(height_) - 1);
    for (int y = y0; y <= y1; ++y)
        for (int x = x0; x <= x1; ++x) {
            const float cover = glm::clamp(0.5f - distance(glm::vec2(x, y) + 0.5f), 0.0f, 1.0f);
            glm::vec3& pixel = at(uint32_t(x), uint32_t(y));
            pixel = glm::mix(pixel, color, cover);
        }
}

void Picture::line(glm::vec2 from, glm::vec2 to, glm::vec3 color, float width) {
    const glm::vec2 along = to - from;
    const float squared = std::max(glm::dot(along, along), 1e-6f);
    fill(glm::min(from, to) - width, glm::max(from, to) + width, color, [&](glm::vec2 p) {
        const float t = glm::clamp(glm::dot(p - from, along) / squared, 0.0f, 1.0f);
        return glm::length(p - from - t * along) - 0.5f * width;
    });
}

void Picture::disc(glm::vec2 centre, float radius, glm::vec3 color) {
    fill(centre - radius, centre + radius, color, [&](glm::vec2 p) { return glm::length(p - centre) - radius; });
}

void Picture::ring(glm::vec2 centre, float radius, glm::vec3 color, float width) {
    const float outer = radius + width;
    fill(centre - outer, centre + outer, color,
         [&](glm::vec2 p) { return std::abs(glm::length(p - centre) - radius) - 0.5f * width; });
}

void Picture::writePng(const std::string& path) const {
    std::vector<uint8_t> bytes;
    bytes.reserve(pixels_.size() * 3);
    for (const glm::vec3& pixel : pixels_)
        for (int c = 0; c < 3; ++c)
            bytes.push_back(uint8_t(std::lround(255 * glm::clamp(pixel[c], 0.0f, 1.0f))));
    if (!stbi_write_png(path.c_str(), int(width_), int(height_), 3, bytes.data(), int(width_) * 3))
        throw std::runtime_error("cannot write " + path);
}

glm::vec3 heatColor(float value) {
    static const glm::vec3 stops[] = {{0.00f, 0.00f, 0.02f},
                                      {0.30f, 0.07f, 0.42f},
                                      {0.73f, 0.21f, 0.33f},
                                      {0.97f, 0.55f, 0.04f},
                                      {0.99f, 1.00f, 0.70f}};
    const float at = 4 * glm::clamp(value, 0.0f, 1.0f);
    const int low = std::min(int(at), 3);
    return glm::mix(stops[low], stops[low + 1], at - float(low));
}

} // namespace frame
