// SPDX-License-Identifier: Apache-2.0
// Vulkan whose commands do nothing: what is left of the time that recording takes is the library's own.
#pragma once

#include <vulkan/vulkan.h>

namespace saccade::cli {

/// vkGetInstanceProcAddr, except that the functions which record a run (vkCmd*, vkUpdateDescriptorSets) do nothing. For
/// contexts that record and never submit.
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL loadIdleCommands(VkInstance instance, const char* name);

} // namespace saccade::cli
