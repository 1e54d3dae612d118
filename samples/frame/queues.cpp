// SPDX-License-Identifier: Apache-2.0
#include "queues.hpp"

#include <vector>

namespace frame {
namespace {

std::vector<VkQueueFamilyProperties> queueFamilies(VkPhysicalDevice physicalDevice) {
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physicalDevice, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physicalDevice, &count, families.data());
    return families;
}

} // namespace

std::optional<QueueChoice> chooseQueues(VkPhysicalDevice physicalDevice, const std::function<bool(uint32_t)>& fit) {
    constexpr VkQueueFlags both = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
    const std::vector<VkQueueFamilyProperties> families = queueFamilies(physicalDevice);
    for (uint32_t family = 0; family < families.size(); ++family) {
        if ((families[family].queueFlags & both) != both || !families[family].timestampValidBits || !fit(family))
            continue;
        QueueChoice choice;
        choice.family = choice.secondFamily = family;
        for (uint32_t other = 0; other < families.size(); ++other)
            if ((families[other].queueFlags & both) == VK_QUEUE_COMPUTE_BIT && families[other].timestampValidBits) {
                choice.secondFamily = other;
                choice.second = "of family " + std::to_string(other) + ", for compute alone";
                return choice;
            }
        if (families[family].queueCount > 1) {
            choice.secondIndex = 1;
            choice.second = "the second of family " + std::to_string(family);
        }
        return choice;
    }
    return std::nullopt;
}

} // namespace frame
