// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <cstdint>
#include <string>

#include <glm/glm.hpp>

namespace frame {

/// What the window shows.
enum class View { frame, points, output };

struct Options {
    std::string device, output = "frame-output", model = SACCADE_SAMPLE_DIR "/frame/model.safetensors";
    std::string screenshot;  ///< of the window; empty: none
    uint32_t frames = 0;     ///< 0: 5 without a window, until it is closed with one
    glm::uvec2 cell{40, 42}; ///< whose attention is shown
    bool window = false, async = false;
    View view = View::frame;
};

/// Seconds at which frame `index` of a counted sequence shows the scene.
inline float sceneTime(uint32_t index) { return 3.0f + 0.1f * float(index); }

/// Prints the usage and ends the program where the arguments ask for it or are wrong.
Options parse(int argc, char** argv);

} // namespace frame
