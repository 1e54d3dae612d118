// SPDX-License-Identifier: Apache-2.0
// What a renderer needs to run a plan without the library, collected from the plan and written down: docs/baked.md.
#pragma once

#include <saccade/saccade.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace saccade::cli {

constexpr int bakedVersion = 1; ///< of both forms, in docs/baked.md

/// A buffer that dispatches bind whole: a place of one of the plan's memories, or a tensor.
struct BakedBuffer {
    SacResourceType type;
    uint32_t index;
    VkDeviceSize offset, size;
};

/// An image of a tensor, and its size in pixels.
struct BakedImage {
    SacImageDesc desc;
    uint64_t width, height;
};

struct BakedPlan {
    /// `images`: of each tensor of the plan, those that it is bound as. The plan, made with SAC_PLAN_WHOLE_BUFFERS_BIT,
    /// outlives this.
    BakedPlan(const sac::Plan& plan, std::string module, std::vector<std::vector<BakedImage>> images);

    /// The number of the buffer of a binding that is no image.
    uint32_t bufferOf(const SacDispatchBinding& binding) const;

    std::string module;
    std::vector<SacTensorInfo> tensors;
    std::vector<std::vector<BakedImage>> images;
    std::vector<SacShader> shaders;
    std::vector<std::vector<uint32_t>> code; ///< of each shader
    std::vector<BakedBuffer> buffers;
    std::array<std::vector<SacDispatch>, 2> dispatches; ///< by SacCommand
    std::vector<std::byte> weights, parameters;
};

// Names of both forms. Null for what a plan has not.
const char* bakedMemoryName(SacMemoryKind kind);
const char* bakedKindName(VkDescriptorType type);
const char* bakedAccessName(VkAccessFlags access);

/// Makes the folder, or adds to it. Throws host::FileError.
void writeBakedFolder(const BakedPlan& plan, const std::filesystem::path& folder);

/// One header for C99 and C++, whose names begin with `prefix`. Throws host::FileError.
void writeBakedHeader(const BakedPlan& plan, const std::string& prefix, const std::filesystem::path& path);

} // namespace saccade::cli
