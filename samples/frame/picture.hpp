// SPDX-License-Identifier: Apache-2.0
// Pictures the sample writes: an RGB image with the few drawing operations it takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <glm/glm.hpp>

namespace frame {

class Picture {
public:
    Picture(uint32_t width, uint32_t height) : width_(width), height_(height), pixels_(size_t(width) * height) {}

    uint32_t width() const { return width_; }
    uint32_t height() const { return height_; }
    glm::vec3& at(uint32_t x, uint32_t y) { return pixels_[size_t(y) * width_ + x]; }
    const glm::vec3& at(uint32_t x, uint32_t y) const { return pixels_[size_t(y) * width_ + x]; }

    /// Enlarged `factor` times, bilinearly.
    Picture enlarged(uint32_t factor) const;
    /// Every pixel times `factor`.
    void darken(float factor);
    /// Anti-aliased, in pixels; parts outside are cut off.
    void line(glm::vec2 from, glm::vec2 to, glm::vec3 color, float width);
    void disc(glm::vec2 centre, float radius, glm::vec3 color);
    void ring(glm::vec2 centre, float radius, glm::vec3 color, float width);
    /// Throws std::runtime_error if the file cannot be written.
    void writePng(const std::string& path) const;

private:
    template <class Distance>
    void fill(glm::vec2 low, glm::vec2 high, glm::vec3 color, Distance distance);

    uint32_t width_, height_;
    std::vector<glm::vec3> pixels_; ///< [0, 1]
};

/// Black over violet and orange to pale yellow, for values in [0, 1].
glm::vec3 heatColor(float value);

} // namespace frame
