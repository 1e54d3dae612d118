// SPDX-License-Identifier: Apache-2.0
// The host: libplacebo, the renderer of mpv and VLC, makes the device, scales and colour-manages pictures.
#pragma once

#include <libplacebo/renderer.h>
#include <libplacebo/shaders/custom.h>
#include <libplacebo/vulkan.h>
#include <saccade/saccade.hpp>

#include <cstring>
#include <memory>

namespace placebo {

template <class T>
T succeed(T result, const char* call) {
    if (!result)
        throw std::runtime_error(std::string(call) + " failed");
    return result;
}

struct Deleter {
    pl_gpu gpu;
    void operator()(pl_tex texture) const { pl_tex_destroy(gpu, &texture); }
    void operator()(const pl_hook* hook) const { pl_mpv_user_shader_destroy(&hook); }
};
using Texture = std::unique_ptr<std::remove_pointer_t<pl_tex>, Deleter>;
using Shader = std::unique_ptr<const pl_hook, Deleter>;

/// A texture, or the columns of one from `left` to `right`, both in [0, 1].
struct Part {
    const Texture& texture;
    float left = 0, right = 1;

    pl_frame frame(int channels) const {
        pl_frame out{};
        out.num_planes = 1;
        out.planes[0] = {texture.get(), PL_TEX_ADDRESS_CLAMP, false, channels, {0, 1, 2, 3}, 0, 0};
        out.repr = pl_color_repr_rgb;
        out.color = pl_color_space_srgb;
        const float width = float(texture->params.w);
        out.crop = {left * width, 0, right * width, float(texture->params.h)};
        return out;
    }
};

class Player {
public:
    // Saccade is asked between the choice of the physical device and the creation of the device, as in any engine.
    Player() {
        const pl_log_params log{.log_cb = pl_log_simple, .log_level = PL_LOG_WARN};
        log_ = pl_log_create(PL_API_VER, &log);
        const char* const extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME; // libplacebo names its objects in any case
        pl_vk_inst_params instanceParams = pl_vk_inst_default_params;
        instanceParams.opt_extensions = &extension;
        instanceParams.num_opt_extensions = 1;
        instance_ = succeed(pl_vk_inst_create(log_, &instanceParams), "pl_vk_inst_create");
        const pl_vulkan_device_params any{.instance = instance_->instance, .allow_software = true};
        const VkPhysicalDevice device = succeed(pl_vulkan_choose_device(log_, &any), "pl_vulkan_choose_device");

        const SacDeviceSupport support = sac::queryDevice(vkGetInstanceProcAddr, instance_->instance, device);
        succeed(support.supported, support.reason);
        attentionFeatures = support.features;
        VkPhysicalDevice16BitStorageFeatures storage16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
        storage16.storageBuffer16BitAccess = support.storageBuffer16BitAccess;
        const VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &storage16, {}};
        pl_vulkan_params params = pl_vulkan_default_params;
        params.instance = instance_->instance;
        params.device = device;
        params.extensions = support.extensions;
        params.num_extensions = int(support.extensionCount);
        params.features = &features;
        vulkan = succeed(pl_vulkan_create(log_, &params), "pl_vulkan_create");
        renderer_ = succeed(pl_renderer_create(log_, vulkan->gpu), "pl_renderer_create");
    }
    ~Player() {
        pl_renderer_destroy(&renderer_);
        pl_vulkan_destroy(&vulkan);
        pl_vk_inst_destroy(&instance_);
        pl_log_destroy(&log_);
    }
    Player(const Player&) = delete;

    /// `format` by libplacebo's name.
    Texture createTexture(const char* format, int width, int height, const void* pixels = nullptr) const {
        pl_tex_params params{};
        params.w = width;
        params.h = height;
        params.format = succeed(pl_find_named_fmt(vulkan->gpu, format), "pl_find_named_fmt");
        params.sampleable = params.renderable = params.storable = params.host_readable = true;
        params.initial_data = pixels;
        return Texture(succeed(pl_tex_create(vulkan->gpu, &params), "pl_tex_create"), {vulkan->gpu});
    }

    /// Of a text in mpv's format for user shaders.
    Shader createShader(const char* text) const {
        return Shader(
            succeed(pl_mpv_user_shader_parse(vulkan->gpu, text, std::strlen(text)), "pl_mpv_user_shader_parse"));
    }

    /// Scales `from` into `to`, through `shader` unless it is null, and lays `edge` along the left side.
    void draw(const Part& from, const Part& to, const Shader& shader, const Texture& edge = {}) {
        const pl_frame image = from.frame(3);
        pl_frame target = to.frame(4);
        const pl_overlay_part place{{0, 0, 1, 1}, {target.crop.x0 - 1, 0, target.crop.x0 + 1, target.crop.y1}, {}};
        pl_overlay overlay{edge.get(), PL_OVERLAY_NORMAL, {}, target.repr, target.color, &place, 1};
        target.overlays = &overlay;
        target.num_overlays = edge ? 1 : 0;
        const pl_hook* const hook = shader.get();
        pl_render_params params = pl_render_default_params;
        params.upscaler = &pl_filter_ewa_lanczos;
        // Not hermite, the default since 6.338: up to 7.349 some of its weights are undefined (mpv issue 13998).
        params.downscaler = &pl_filter_mitchell;
#if PL_API_VER < 346
        params.skip_target_clearing = true;
#else
        params.border = params.background = PL_CLEAR_SKIP;
#endif
        params.hooks = &hook;
        params.num_hooks = hook ? 1 : 0;
        succeed(pl_render_image(renderer_, &image, &target, &params), "pl_render_image");
    }

    /// Waits for what is drawn into `texture`, whose format is four of T.
    template <class T>
    std::vector<T> download(const Texture& texture) const {
        std::vector<T> out(size_t(texture->params.w) * size_t(texture->params.h) * 4);
        const pl_tex_transfer_params params{.tex = texture.get(), .ptr = out.data()};
        succeed(pl_tex_download(vulkan->gpu, &params), "pl_tex_download");
        return out;
    }

    pl_vulkan vulkan = nullptr;
    SacFeatureFlags attentionFeatures = 0; ///< what the device was made with for Saccade

private:
    pl_log log_ = nullptr;
    pl_vk_inst instance_ = nullptr;
    pl_renderer renderer_ = nullptr;
};

} // namespace placebo
