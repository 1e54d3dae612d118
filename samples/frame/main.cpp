// SPDX-License-Identifier: Apache-2.0
// frame: a small engine that draws a moving scene and runs deformable attention on it in the same command buffer, or
// beside it on a second queue. Writes frame.png, points.png (where the keys were moved to), attention.png (what one
// cell attends to) and output.png, or shows the same live in a window.
#include <cstdio>
#include <stdexcept>

#include "headless.hpp"
#include "options.hpp"
#if defined(SACCADE_SAMPLE_WINDOW)
#include "window/live_view.hpp"
#endif

namespace frame {
namespace {

void run(const Options& options) {
    if (!options.window)
        return runHeadless(options);
#if defined(SACCADE_SAMPLE_WINDOW)
    runLive(options);
#else
    throw std::runtime_error("built without GLFW, so there is no --window; install it (Debian, Ubuntu: libglfw3-dev), "
                             "configure and build again");
#endif
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
