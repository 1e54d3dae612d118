// SPDX-License-Identifier: Apache-2.0
// placebo: attention inside a renderer that is there already. libplacebo, the renderer of mpv and VLC, owns the device
// and draws a picture; Saccade runs DeformableAttention2D on libplacebo's images; libplacebo draws what came of it over
// the right half. Between the two no pixel leaves the device.
//
//     placebo [PNG [PICTURE]]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#include <stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>

#include "attention.hpp"

namespace placebo {
namespace {

constexpr float longerSide = 512; // of the picture that attention sees

void run(const char* output, const char* file) {
    std::ifstream modelFile(SACCADE_SAMPLE_DIR "/frame/model.safetensors", std::ios::binary);
    const std::vector<char> model{std::istreambuf_iterator<char>(modelFile), {}};
    Player player;
    int width = 0, height = 0;
    const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(stbi_load(file, &width, &height, nullptr, 4),
                                                                      stbi_image_free);
    const Texture picture = player.createTexture("rgba8", width, height, succeed(pixels.get(), file));
    const Texture screen = player.createTexture("rgba8", width, height);
    const Texture line = player.createTexture("rgba8", 1, 1, "\xff\xff\xff\xff");

    const float scale = longerSide / float(std::max(width, height));
    const int w = int(std::ceil(scale * float(width))), h = int(std::ceil(scale * float(height)));
    SharedImage x(player, w, h, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL), y(player, w, h, VK_IMAGE_LAYOUT_GENERAL);
    Attention attention(player, model, w, h);
    const Shader toModel = player.createShader(centre), fromModel = player.createShader(uncentre);

    for (int frame = 0; frame < 3; ++frame) { // a player's loop; this one's picture stands still
        player.draw({picture}, {x.texture}, toModel);
        attention.run(x, y);
        player.draw({picture, 0, 0.5f}, {screen, 0, 0.5f}, nullptr);
        player.draw({y.texture, 0.5f, 1}, {screen, 0.5f, 1}, fromModel, line);
        pl_gpu_finish(player.vulkan->gpu);
    }
    succeed(stbi_write_png(output, width, height, 4, player.download<uint8_t>(screen).data(), 4 * width), output);
    std::printf("wrote %s\n", output);
}

} // namespace
} // namespace placebo

int main(int argc, char** argv) {
    try {
        placebo::run(argc > 1 ? argv[1] : "placebo.png",
                     argc > 2 ? argv[2] : SACCADE_SAMPLE_DIR "/placebo/picture.jpg");
    } catch (const std::exception& e) {
        std::fprintf(stderr, "placebo: %s\n", e.what());
        return 1;
    }
}
