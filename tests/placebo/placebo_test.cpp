// SPDX-License-Identifier: Apache-2.0
// The sample placebo: attention on libplacebo's images. CMakeLists.txt has the validation layer watch this program and
// the sample that it starts.
#include <gtest/gtest.h>
#include <placebo/attention.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#include <stb_image.h>

#include "reference/compare.hpp"
#include "reference/deformable_attention.hpp"
#include "support/program.hpp"
#include "support/safetensors_file.hpp"

namespace saccade::test {
namespace {

using reference::Tensor;

const std::string modelPath = SACCADE_SAMPLE_DIR "/frame/model.safetensors";
const std::string picturePath = SACCADE_SAMPLE_DIR "/placebo/picture.jpg";

/// Four channels of numbers, from left to right and from top to bottom.
struct Pixels {
    int width = 0, height = 0;
    std::vector<double> values;

    double operator()(int x, int y, int c) const { return values[static_cast<size_t>((y * width + x) * 4 + c)]; }
    /// Mean of a channel in one of `blocks` x `blocks` parts.
    double mean(int column, int row, int c, int blocks) const {
        double sum = 0, count = 0;
        for (int y = row * height / blocks; y < (row + 1) * height / blocks; ++y)
            for (int x = column * width / blocks; x < (column + 1) * width / blocks; ++x, ++count)
                sum += (*this)(x, y, c);
        return sum / count;
    }
};

Pixels readPicture(const std::string& path) {
    Pixels out;
    stbi_uc* data = stbi_load(path.c_str(), &out.width, &out.height, nullptr, 4);
    EXPECT_NE(data, nullptr) << path;
    for (int i = 0; data && i < out.width * out.height * 4; ++i)
        out.values.push_back(data[i] / 255.0);
    stbi_image_free(data);
    return out;
}

placebo::Texture textureOf(const placebo::Player& player, const Pixels& picture) {
    std::vector<uint8_t> bytes;
    for (const double value : picture.values)
        bytes.push_back(static_cast<uint8_t>(std::lround(255 * value)));
    return player.createTexture("rgba8", picture.width, picture.height, bytes.data());
}

Pixels download(const placebo::Player& player, const placebo::Texture& texture) {
    Pixels out{texture->params.w, texture->params.h, {}};
    for (const uint16_t half : player.download<uint16_t>(texture))
        out.values.push_back(halfToDouble(half));
    return out;
}

std::vector<char> readModel() {
    std::ifstream file(modelPath, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// torch.nn.functional.pixel_unshuffle, the picture's edge carried on to whole cells.
Tensor unshuffled(const Pixels& picture) {
    const int cell = placebo::cell;
    const int columns = (picture.width + cell - 1) / cell, rows = (picture.height + cell - 1) / cell;
    Tensor out({1, 4 * cell * cell, rows, columns});
    for (int y = 0; y < rows * cell; ++y)
        for (int x = 0; x < columns * cell; ++x)
            for (int c = 0; c < 4; ++c)
                out(0, (c * cell + y % cell) * cell + x % cell, y / cell, x / cell) =
                    picture(std::min(x, picture.width - 1), std::min(y, picture.height - 1), c);
    return out;
}

// A size of no whole cells, two pictures in turn: the reference on what libplacebo drew is what libplacebo gets.
TEST(Placebo, imagesHoldWhatTheReferenceComputes) {
    placebo::Player player;
    const SafetensorsFile file = readSafetensors(modelPath);
    const std::vector<char> model = readModel();
    const int width = 90, height = 50;
    placebo::SharedImage x(player, width, height, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    placebo::SharedImage y(player, width, height, VK_IMAGE_LAYOUT_GENERAL);
    placebo::Attention attention(player, model, width, height);
    const placebo::Shader toModel = player.createShader(placebo::centre);
    Pixels picture = readPicture(picturePath);
    for (int turn = 0; turn < 2; ++turn) {
        player.draw({textureOf(player, picture)}, {x.texture}, toModel);
        attention.run(x, y);
        const Pixels in = download(player, x.texture), out = download(player, y.texture);
        double difference = 0; // scaling in linear light leaves some to the means of gamma-encoded values
        for (int row = 0; row < 10; ++row)
            for (int column = 0; column < 10; ++column)
                for (int c = 0; c < 3; ++c)
                    difference = std::max(
                        difference, std::abs(in.mean(column, row, c, 10) + 0.5 - picture.mean(column, row, c, 10)));
        EXPECT_LE(difference, 0.02);

        const Tensor expected = reference::runDeformableAttention(2, nlohmann::json::parse(file.metadata.at("config")),
                                                                  file.tensors, {{"x", unshuffled(in)}})
                                    .at("y");
        Tensor seen({height, width, 4}), wanted({height, width, 4});
        for (int py = 0; py < height; ++py)
            for (int px = 0; px < width; ++px)
                for (int c = 0; c < 4; ++c) {
                    const int channel = (c * placebo::cell + py % placebo::cell) * placebo::cell + px % placebo::cell;
                    seen(py, px, c) = out(px, py, c);
                    wanted(py, px, c) = expected(0, channel, py / placebo::cell, px / placebo::cell);
                }
        // Halves alone are off by 3e-4.
        EXPECT_LE(reference::relativeError(seen, wanted), 1e-3);
        std::reverse(picture.values.begin(), picture.values.end());
        for (size_t i = 0; i < picture.values.size(); i += 4)
            std::reverse(&picture.values[i], &picture.values[i] + 4);
    }
}

TEST(Placebo, sampleWritesThePictureAndWhatAttentionMakesOfIt) {
    const ScratchFolder scratch;
    const std::string path = scratch.file("placebo.png");
    ASSERT_EQ(std::system(("\"" SACCADE_BIN_DIR "/placebo\" \"" + path + "\"").c_str()), 0);
    const Pixels shown = readPicture(path), picture = readPicture(picturePath);
    ASSERT_EQ(shown.width, picture.width);
    ASSERT_EQ(shown.height, picture.height);

    placebo::Player player;
    const std::vector<char> model = readModel();
    const int width = 512, height = 288;
    placebo::SharedImage x(player, width, height, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    placebo::SharedImage y(player, width, height, VK_IMAGE_LAYOUT_GENERAL);
    placebo::Attention attention(player, model, width, height);
    player.draw({textureOf(player, picture)}, {x.texture}, player.createShader(placebo::centre));
    attention.run(x, y);
    const Pixels out = download(player, y.texture);
    double changed = 0;
    for (int row = 0; row < 16; ++row)
        for (int column = 0; column < 16; ++column)
            for (int c = 0; c < 3; ++c) {
                const double before = picture.mean(column, row, c, 16), after = out.mean(column, row, c, 16) + 0.5;
                // The line between the halves is white.
                const double tolerance = column == 7 || column == 8 ? 0.03 : 0.01;
                EXPECT_NEAR(shown.mean(column, row, c, 16), column < 8 ? before : after, tolerance)
                    << column << ' ' << row;
                changed = std::max(changed, column < 8 ? 0.0 : std::abs(after - before));
            }
    // So that the right half cannot pass for the picture itself.
    EXPECT_GE(changed, 0.03);
}

} // namespace
} // namespace saccade::test
