# SPDX-License-Identifier: Apache-2.0
# README.md's example compiles as C99 and as C++20: the first block of C in it, in a function that has what an engine has.
cmake_minimum_required(VERSION 3.22)

file(READ "${readme}" text)
string(FIND "${text}" "```c\n" begin)
if(begin LESS 0)
    message(FATAL_ERROR "${readme} has no block of C")
endif()
math(EXPR begin "${begin} + 5")
string(SUBSTRING "${text}" ${begin} -1 text)
string(FIND "${text}" "```" end)
string(SUBSTRING "${text}" 0 ${end} example)

set(program "#include <saccade/saccade.h>
#include <vulkan/vulkan.h>
SacBufferRange createBuffer(const SacMemoryRequirements* need);
void frame(VkInstance instance, VkPhysicalDevice physicalDevice, VkDevice device, SacDeviceSupport support,
           const void* bytes, size_t size, void* mapped, VkCommandBuffer commandBuffer, VkImage colorImage,
           VkImageView colorView, VkImageView resultView);
void frame(VkInstance instance, VkPhysicalDevice physicalDevice, VkDevice device, SacDeviceSupport support,
           const void* bytes, size_t size, void* mapped, VkCommandBuffer commandBuffer, VkImage colorImage,
           VkImageView colorView, VkImageView resultView) {
SacContext context;
SacModel model;
SacPlan plan;
SacError error;
SacBufferRange memory[SAC_MEMORY_KIND_COUNT];
${example}}
")
file(WRITE "${scratch}/example.c" "${program}")
file(WRITE "${scratch}/example.cpp" "${program}")
function(compile)
    execute_process(COMMAND ${ARGN} -Wall -Wpedantic -Werror -fsyntax-only "-I${include}" "-I${vulkan}"
        RESULT_VARIABLE code ERROR_VARIABLE messages)
    if(NOT code EQUAL 0)
        message(FATAL_ERROR "${messages}")
    endif()
endfunction()
compile("${compiler}" -std=c99 "${scratch}/example.c")
compile("${cxxCompiler}" -std=c++20 "${scratch}/example.cpp")
