// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "sizes.hpp"

namespace frame {
namespace {

[[noreturn]] void usage(int code) {
    std::fprintf(
        code ? stderr : stdout,
        "frame [--frames N] [--async] [--output DIR] [--device NAME] [--cell X,Y] [--model FILE]\n"
        "Renders N frames (default 5), runs DeformableAttention2D in each and writes PNGs to DIR (frame-output).\n"
        "--async: attention runs on a second queue while the next frame is drawn.\n"
        "--cell: the token, 0 to %u each, whose attention is drawn.\n"
        "\n"
        "frame --window [--view frame|points|output] [--screenshot FILE] [--frames N] [--async] [...]\n"
        "The same live, until the window is closed, or for N frames. Keys: 1 the frame, 2 where the keys moved,\n"
        "3 the output, Esc closes.\n"
        "--view: what is shown at first. --screenshot: a PNG of the last picture that was shown.\n",
        cells - 1);
    std::exit(code);
}

View parseView(const std::string& name) {
    if (name == "frame")
        return View::frame;
    if (name == "points")
        return View::points;
    if (name != "output")
        usage(2);
    return View::output;
}

} // namespace

Options parse(int argc, char** argv) {
    Options options;
    bool windowOnly = false;
    for (int i = 1; i < argc; ++i) {
        const std::string key = argv[i];
        if (key == "--help" || key == "-h")
            usage(0);
        if (key == "--window" || key == "--async") {
            (key == "--window" ? options.window : options.async) = true;
            continue;
        }
        if (i + 1 == argc)
            usage(2);
        const char* value = argv[++i];
        windowOnly |= key == "--view" || key == "--screenshot";
        if (key == "--frames")
            options.frames = uint32_t(std::clamp(std::atoi(value), 1, 10000));
        else if (key == "--output")
            options.output = value;
        else if (key == "--device")
            options.device = value;
        else if (key == "--model")
            options.model = value;
        else if (key == "--screenshot")
            options.screenshot = value;
        else if (key == "--view")
            options.view = parseView(value);
        else if (key != "--cell" || std::sscanf(value, "%u,%u", &options.cell.x, &options.cell.y) != 2 ||
                 options.cell.x >= cells || options.cell.y >= cells)
            usage(2);
    }
    if (windowOnly && !options.window)
        usage(2);
    return options;
}

} // namespace frame
