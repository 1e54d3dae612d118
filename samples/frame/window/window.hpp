// SPDX-License-Identifier: Apache-2.0
// A window of GLFW's, with its keys.
#pragma once

#include <vulkan/vulkan.h>

#include <string>
#include <vector>

#include "../options.hpp"

struct GLFWwindow;

namespace frame {

/// GLFW from its start to its end: made before the engine, of which it says what presenting takes.
class WindowSystem {
public:
    WindowSystem();
    ~WindowSystem();
    WindowSystem(const WindowSystem&) = delete;
    WindowSystem& operator=(const WindowSystem&) = delete;

    /// Of the instance.
    std::vector<const char*> extensions() const;
    static bool canPresent(VkInstance instance, VkPhysicalDevice physicalDevice, uint32_t family);
};

/// 1, 2 and 3 choose the view, Esc closes.
class Window {
public:
    /// `size`: pixels per side, at first.
    Window(VkInstance instance, uint32_t size, View view);
    ~Window();
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    void pollEvents();
    /// Waits while the window has no area, as when it is minimised. False if it is to be closed.
    bool waitForArea();
    bool isClosing() const;
    void setTitle(const std::string& title);

    VkSurfaceKHR surface() const { return surface_; }
    VkExtent2D extent() const; ///< in pixels
    View view() const { return view_; }

private:
    static void onKey(GLFWwindow* handle, int key, int scancode, int action, int modifiers);

    VkInstance instance_;
    View view_;
    GLFWwindow* handle_ = nullptr;
    VkSurfaceKHR surface_ = VK_NULL_HANDLE;
};

} // namespace frame
