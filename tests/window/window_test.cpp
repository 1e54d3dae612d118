// SPDX-License-Identifier: Apache-2.0
// The sample's window, on an X server without a screen: what it presents is what the sample writes without a window.
#include <gtest/gtest.h>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <cstdlib>
#include <memory>

#include "support/sample.hpp"

namespace saccade::test {
namespace {

struct Pixels {
    int width = 0, height = 0, channels = 0;
    std::unique_ptr<stbi_uc, void (*)(void*)> data{nullptr, stbi_image_free};
};

Pixels readPng(const std::string& path) {
    Pixels pixels;
    pixels.data.reset(stbi_load(path.c_str(), &pixels.width, &pixels.height, &pixels.channels, 3));
    EXPECT_TRUE(pixels.data) << path;
    return pixels;
}

double mean(const Pixels& pixels, int channel) {
    double sum = 0;
    for (int i = 0; i < pixels.width * pixels.height; ++i)
        sum += pixels.data.get()[i * 3 + channel];
    return sum / (pixels.width * pixels.height);
}

/// Of one channel, from `other` if there is one, else from `level`.
double meanDistance(const Pixels& pixels, int channel, const Pixels* other, double level) {
    double sum = 0;
    for (int i = 0; i < pixels.width * pixels.height; ++i)
        sum += std::abs(pixels.data.get()[i * 3 + channel] - (other ? other->data.get()[i * 3 + channel] : level));
    return sum / (pixels.width * pixels.height);
}

struct WindowCase {
    const char* view;
    bool async;
    /// Mean difference per channel, of 255: copies that enlarge round to 8 bits, and the soft edges of a point and its
    /// line are joined instead of drawn one over the other. Another view differs by more than 10.
    double allowed;
};

class Window : public ::testing::TestWithParam<WindowCase> {
protected:
    static void SetUpTestSuite() {
        folder() = std::make_unique<ScratchFolder>();
        const ProgramResult result = runFrame({"--frames", "5", "--output", folder()->file("headless")});
        ASSERT_EQ(result.exitCode, 0) << result.err;
    }
    static void TearDownTestSuite() { folder().reset(); }
    static std::unique_ptr<ScratchFolder>& folder() {
        static std::unique_ptr<ScratchFolder> instance;
        return instance;
    }
};

TEST_P(Window, ShowsWhatIsWrittenWithoutOne) {
    const std::string screenshot = folder()->file("shot.png"), view = GetParam().view;
    std::vector<std::string> arguments{"--window", "--frames", "5", "--view", view, "--screenshot", screenshot};
    if (GetParam().async)
        arguments.push_back("--async");
    const ProgramResult result = runFrame(arguments, {"xvfb-run", "-a"});
    ASSERT_EQ(result.exitCode, 0) << result.out << result.err;

    const Pixels shown = readPng(screenshot), written = readPng(folder()->file("headless/" + view + ".png"));
    ASSERT_TRUE(shown.data && written.data);
    ASSERT_EQ(shown.width, 768);
    ASSERT_EQ(shown.height, 768);
    ASSERT_EQ(written.width, 768);
    ASSERT_EQ(written.height, 768);
    for (int channel = 0; channel < 3; ++channel) {
        EXPECT_GT(meanDistance(shown, channel, nullptr, mean(shown, channel)), 10)
            << "of one colour, channel " << channel;
        EXPECT_LT(meanDistance(shown, channel, &written, 0), GetParam().allowed) << "channel " << channel;
    }
}

INSTANTIATE_TEST_SUITE_P(Views, Window,
                         ::testing::Values(WindowCase{"frame", false, 0.5}, WindowCase{"points", false, 0.75},
                                           WindowCase{"output", false, 0.1}, WindowCase{"points", true, 0.75}),
                         [](const auto& info) {
                             return std::string(info.param.view) + (info.param.async ? "Async" : "");
                         });

} // namespace
} // namespace saccade::test
