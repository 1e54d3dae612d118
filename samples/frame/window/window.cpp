// SPDX-License-Identifier: Apache-2.0
#include "window.hpp"

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <stdexcept>

namespace frame {
namespace {

[[noreturn]] void fail(const std::string& what) {
    const char* reason = nullptr;
    glfwGetError(&reason);
    throw std::runtime_error(what + (reason ? std::string(": ") + reason : std::string()));
}

} // namespace

WindowSystem::WindowSystem() {
    if (!glfwInit())
        fail("no window system");
    if (!glfwVulkanSupported()) {
        glfwTerminate();
        throw std::runtime_error("GLFW finds no Vulkan");
    }
}

WindowSystem::~WindowSystem() { glfwTerminate(); }

std::vector<const char*> WindowSystem::extensions() const {
    uint32_t count = 0;
    const char** names = glfwGetRequiredInstanceExtensions(&count);
    if (!names)
        fail("no Vulkan for this window system");
    return {names, names + count};
}

bool WindowSystem::canPresent(VkInstance instance, VkPhysicalDevice physicalDevice, uint32_t family) {
    return glfwGetPhysicalDevicePresentationSupport(instance, physicalDevice, family) == GLFW_TRUE;
}

Window::Window(VkInstance instance, uint32_t size, View view) : instance_(instance), view_(view) {
    glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
    handle_ = glfwCreateWindow(int(size), int(size), "Saccade", nullptr, nullptr);
    if (!handle_)
        fail("no window");
    glfwSetWindowUserPointer(handle_, this);
    glfwSetKeyCallback(handle_, onKey);
    if (glfwCreateWindowSurface(instance, handle_, nullptr, &surface_) != VK_SUCCESS) {
        glfwDestroyWindow(handle_);
        fail("no Vulkan surface for the window");
    }
}

Window::~Window() {
    vkDestroySurfaceKHR(instance_, surface_, nullptr);
    glfwDestroyWindow(handle_);
}

void Window::onKey(GLFWwindow* handle, int key, int, int action, int) {
    View& view = static_cast<Window*>(glfwGetWindowUserPointer(handle))->view_;
    if (action != GLFW_PRESS)
        return;
    if (key == GLFW_KEY_ESCAPE)
        glfwSetWindowShouldClose(handle, GLFW_TRUE);
    else if (key == GLFW_KEY_1 || key == GLFW_KEY_KP_1)
        view = View::frame;
    else if (key == GLFW_KEY_2 || key == GLFW_KEY_KP_2)
        view = View::points;
    else if (key == GLFW_KEY_3 || key == GLFW_KEY_KP_3)
        view = View::output;
}

void Window::pollEvents() { glfwPollEvents(); }

bool Window::waitForArea() {
    glfwPollEvents();
    while (!isClosing() && (!extent().width || !extent().height))
        glfwWaitEvents();
    return !isClosing();
}

bool Window::isClosing() const { return glfwWindowShouldClose(handle_); }

void Window::setTitle(const std::string& title) { glfwSetWindowTitle(handle_, title.c_str()); }

VkExtent2D Window::extent() const {
    int width = 0, height = 0;
    glfwGetFramebufferSize(handle_, &width, &height);
    return {uint32_t(width), uint32_t(height)};
}

} // namespace frame
