// SPDX-License-Identifier: Apache-2.0
// sacBuildVariableLayout.
#include "api/boundary.hpp"
#include "modules/variable_layout.hpp"

using namespace saccade;

namespace {

constexpr uint32_t maximumSize = 65536; // keeps heads * blocks * blocks within 64 bits
constexpr uint32_t defaultWindow = 4;

void checkSize(uint32_t value, const char* name) {
    if (value < 1 || value > maximumSize)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is %u, it lies in 1 to %u", name, value, maximumSize);
}

void checkBoolean(VkBool32 value, const char* name) {
    if (value != VK_FALSE && value != VK_TRUE)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is %u, it must be VK_FALSE or VK_TRUE", name, value);
}

std::span<const uint32_t> array(uint32_t count, const uint32_t* values, const char* name, const char* countName) {
    if (count > maximumSize)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is %u, at most %u", countName, count, maximumSize);
    if (count && !values)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s is null, but %s is %u", name, countName, count);
    return {values, count};
}

VariableLayout checked(const SacVariableLayoutInfo& info, size_t layoutSize) {
    checkSize(info.heads, "info->heads");
    checkSize(info.blocks, "info->blocks");
    if (info.randomBlocks > info.blocks)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->randomBlocks is %u, a row has %u blocks", info.randomBlocks,
                    info.blocks);
    checkBoolean(info.causal, "info->causal");
    checkBoolean(info.differentLayoutPerHead, "info->differentLayoutPerHead");
    VariableLayout out;
    out.heads = info.heads;
    out.blocks = info.blocks;
    out.randomBlocks = info.randomBlocks;
    out.windows =
        array(info.localWindowCount, info.localWindowBlocks, "info->localWindowBlocks", "info->localWindowCount");
    for (size_t i = 0; i < out.windows.size(); ++i)
        if (out.windows[i] == 0)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->localWindowBlocks[%zu] is 0, it must be at least 1", i);
    if (out.windows.empty())
        out.windows = {&defaultWindow, 1};
    out.globals =
        array(info.globalBlockCount, info.globalBlockIndices, "info->globalBlockIndices", "info->globalBlockCount");
    out.causal = info.causal == VK_TRUE;
    out.differentPerHead = info.differentLayoutPerHead == VK_TRUE;
    out.seed = info.seed;
    const uint64_t bytes = uint64_t{info.heads} * info.blocks * info.blocks;
    if (layoutSize != bytes)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "layoutSize is %zu, heads * blocks * blocks is %llu", layoutSize,
                    wide(bytes));
    return out;
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacBuildVariableLayout(const SacVariableLayoutInfo* info, size_t layoutSize,
                                                               uint8_t* layout, SacError* error) {
    return guarded(error, nullptr, [&] {
        requireStructure(info, "info");
        require(layout, "layout");
        buildVariableLayout(checked(*info, layoutSize), {layout, layoutSize});
    });
}
