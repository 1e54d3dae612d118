// SPDX-License-Identifier: Apache-2.0
#include "api/plan_request.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>

#include "api/boundary.hpp"
#include "api/image_format.hpp"
#include "base/error.hpp"

namespace saccade {
namespace {

constexpr VkDeviceSize defaultTableLimit = VkDeviceSize(16) << 20;
constexpr float defaultTolerance = 1e-4f;

std::optional<DataType> requestedType(SacDataType type, const char* array, uint32_t index,
                                      const DeviceProfile& device) {
    switch (type) {
    case SAC_DATA_TYPE_DEFAULT:
        return std::nullopt;
    case SAC_DATA_TYPE_FLOAT32:
        return DataType::f32;
    case SAC_DATA_TYPE_FLOAT16:
        if (!device.storageBuffer16BitAccess)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "info->%s[%u].dataType is FLOAT16, the context has no storageBuffer16BitAccess "
                        "(SAC_FEATURE_STORAGE_16BIT_BIT)",
                        array, index);
        return DataType::f16;
    case SAC_DATA_TYPE_INT32:
        return DataType::i32;
    case SAC_DATA_TYPE_INT64:
        return DataType::i64;
    case SAC_DATA_TYPE_UINT8:
        return DataType::u8;
    case SAC_DATA_TYPE_BOOL:
        return DataType::boolean;
    case SAC_DATA_TYPE_MAX_ENUM:
        break;
    }
    throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].dataType is %d, no SacDataType", array, index,
                static_cast<int>(type));
}

constexpr uint32_t maximumShuffle = 64;

// Of an output that the format's device can store to, and whose shader need not or may leave it unnamed.
void requireStorable(const SacImageDesc& desc, const ImageFormat& known, const char* where, const Device& device) {
    const int format = static_cast<int>(desc.format);
    if (known.store == StoreFormat::none)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "%s.format is VkFormat %d, outputs are none of the SRGB and depth formats of SacImageDesc", where,
                    format);
    if (known.store == StoreFormat::any && !device.profile.shaderStorageImageWriteWithoutFormat)
        throw Error(SAC_ERROR_UNSUPPORTED,
                    "%s.format is VkFormat %d, outputs are R8G8B8A8_UNORM, R16G16B16A16_SFLOAT, R32G32B32A32_SFLOAT or "
                    "R32_SFLOAT where the context has no shaderStorageImageWriteWithoutFormat "
                    "(SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT)",
                    where, format);
}

ImageTransfer requestedTransfer(SacImageTransfer transfer, const char* where) {
    switch (transfer) {
    case SAC_IMAGE_TRANSFER_LINEAR:
        return ImageTransfer::linear;
    case SAC_IMAGE_TRANSFER_LOG1P:
        return ImageTransfer::log1p;
    case SAC_IMAGE_TRANSFER_SRGB:
        return ImageTransfer::srgb;
    case SAC_IMAGE_TRANSFER_PQ:
        return ImageTransfer::pq;
    case SAC_IMAGE_TRANSFER_RECIPROCAL:
        return ImageTransfer::reciprocal;
    case SAC_IMAGE_TRANSFER_OCTAHEDRAL:
        return ImageTransfer::octahedral;
    case SAC_IMAGE_TRANSFER_MAX_ENUM:
        break;
    }
    throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.transfer is %d, no SacImageTransfer", where,
                static_cast<int>(transfer));
}

ImageSlice requestedSlice(const SacImageDesc& desc, const ImageFormat& known, const char* where) {
    const int format = static_cast<int>(desc.format);
    if (desc.firstChannel >= known.components)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.firstChannel is %u, VkFormat %d has %u channels", where,
                    desc.firstChannel, format, known.components);
    const uint32_t left = known.components - desc.firstChannel;
    if (desc.channels > left)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.channels is %u, VkFormat %d has %u from firstChannel %u on", where,
                    desc.channels, format, left, desc.firstChannel);
    if (desc.pixelShuffle > maximumShuffle)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.pixelShuffle is %u, at most %u", where, desc.pixelShuffle,
                    maximumShuffle);
    ImageSlice slice;
    slice.first = desc.firstChannel;
    slice.components = desc.channels ? desc.channels : left;
    slice.factor = desc.pixelShuffle ? desc.pixelShuffle : 1;
    slice.transfer = requestedTransfer(desc.transfer, where);
    if (slice.transfer == ImageTransfer::octahedral && slice.components != 2)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s: its channels are %u, SAC_IMAGE_TRANSFER_OCTAHEDRAL has 2", where,
                    slice.components);
    constexpr float least = 0x1p-126f, most = 0x1p126f;
    for (size_t i = 0; i < slice.scale.size(); ++i) {
        const float scale = desc.scale[i];
        if (!std::isfinite(scale) || (scale != 0 && (std::abs(scale) < least || std::abs(scale) > most)))
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "%s.scale[%zu] is %g, it is 0 for 1, or of a magnitude from 2^-126 to 2^126", where, i,
                        static_cast<double>(scale));
        if (!std::isfinite(desc.bias[i]))
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.bias[%zu] is %g, it must be finite", where, i,
                        static_cast<double>(desc.bias[i]));
        slice.scale[i] = scale != 0 ? scale : 1;
        slice.bias[i] = desc.bias[i];
    }
    return slice;
}

// `write`: of an output. `where` names the description.
ImageRequest imageRequest(const SacImageDesc& desc, bool write, const char* where, const Device& device) {
    const int format = static_cast<int>(desc.format);
    const ImageFormat* known = findImageFormat(desc.format);
    if (!known)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "%s.format is VkFormat %d, which is none of those that SacImageDesc lists", where, format);
    if (write)
        requireStorable(desc, *known, where, device);
    if (!device.supports(desc.format,
                         write ? VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT : VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT))
        throw Error(SAC_ERROR_UNSUPPORTED, "%s.format is VkFormat %d, of which the device has no %s images", where,
                    format, write ? "storage" : "sampled");
    return {*known, requestedSlice(desc, *known, where)};
}

FixedVector<ImageRequest, maxImages> imageRequests(const SacTensorDesc& desc, bool write, const char* array,
                                                   uint32_t index, const Device& device) {
    static_assert(maxImages == SAC_MAX_IMAGES);
    if (desc.imageCount > maxImages)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].imageCount is %u, at most SAC_MAX_IMAGES = %u", array,
                    index, desc.imageCount, maxImages);
    if (desc.imageCount && !desc.images)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].images is null, but its imageCount is %u", array, index,
                    desc.imageCount);
    if (desc.imageCount && (desc.dataType != SAC_DATA_TYPE_DEFAULT || desc.layout != SAC_LAYOUT_CONTIGUOUS))
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->%s[%u] has images, whose formats say what they hold: its dataType is DEFAULT and its layout "
                    "CONTIGUOUS",
                    array, index);
    FixedVector<ImageRequest, maxImages> out;
    for (uint32_t i = 0; i < desc.imageCount; ++i) {
        char where[64];
        std::snprintf(where, sizeof(where), "info->%s[%u].images[%u]", array, index, i);
        requireStructure(&desc.images[i], where);
        out.push_back(imageRequest(desc.images[i], write, where, device));
    }
    return out;
}

// The largest tensor that 32-bit element offsets in shaders can address, with room for sums of offsets.
constexpr uint64_t maximumElements = uint64_t(1) << 31;

// `shaped`: of an input; outputs have the shapes that follow, whatever their descriptions say.
TensorRequest request(const SacTensorDesc& desc, const char* array, uint32_t index, bool shaped, const Device& device) {
    char where[48];
    std::snprintf(where, sizeof(where), "info->%s[%u]", array, index);
    requireStructure(&desc, where);
    if (!desc.name)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].name is null, it is required", array, index);
    std::snprintf(where, sizeof(where), "info->%s[%u].name", array, index);
    requireUtf8(desc.name, where);
    TensorRequest out;
    out.name = desc.name;
    out.type = requestedType(desc.dataType, array, index, device.profile);
    if (desc.layout != SAC_LAYOUT_CONTIGUOUS && desc.layout != SAC_LAYOUT_CHANNELS_LAST)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].layout is %d, no SacLayout", array, index,
                    static_cast<int>(desc.layout));
    out.channelsLast = desc.layout == SAC_LAYOUT_CHANNELS_LAST;
    out.images = imageRequests(desc, !shaped, array, index, device);
    if (!shaped)
        return out;
    if (desc.rank > SAC_MAX_RANK)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u].rank is %u, at most SAC_MAX_RANK = %u", array, index,
                    desc.rank, SAC_MAX_RANK);
    uint64_t elements = 1;
    for (uint32_t axis = 0; axis < desc.rank; ++axis) {
        const uint64_t n = desc.shape[axis];
        if (n == 0 || n > maximumElements || elements * n > maximumElements)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->%s[%u] \"%.*s\": shape[%u] is %llu, dimensions are at least 1 and a tensor has at most "
                        "2^31 elements",
                        array, index, clip(desc.name), desc.name, axis, wide(n));
        elements *= n;
        out.shape.push_back(n);
    }
    if (!desc.hostData != !desc.hostDataSize)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "info->%s[%u] \"%.*s\": hostData is %s, but hostDataSize is %zu; they come together", array, index,
                    clip(desc.name), desc.name, desc.hostData ? "given" : "null", desc.hostDataSize);
    out.hostData = desc.hostData;
    out.hostDataSize = desc.hostDataSize;
    return out;
}

} // namespace

std::pmr::vector<TensorRequest> tensorRequests(uint32_t count, const SacTensorDesc* descs, const char* array,
                                               bool shaped, const Device& device) {
    if (count > SAC_MAX_BOUND)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%.*sCount is %u, at most SAC_MAX_BOUND = %u",
                    static_cast<int>(std::strlen(array) - 1), array, count, SAC_MAX_BOUND);
    if (count && !descs)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s is null, but its count is %u", array, count);
    std::pmr::vector<TensorRequest> out(device.memory);
    for (uint32_t i = 0; i < count; ++i) {
        out.push_back(request(descs[i], array, i, shaped, device));
        for (uint32_t j = 0; j < i; ++j)
            if (out[j].name == out[i].name)
                throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%s[%u] and [%u] both name \"%.*s\"", array, j, i,
                            clip(out[i].name), descs[i].name);
    }
    return out;
}

DataType storageType(SacPrecision precision, const DeviceProfile& device) {
    switch (precision) {
    case SAC_PRECISION_FLOAT32:
        return DataType::f32;
    case SAC_PRECISION_FLOAT16:
        if (!device.storageBuffer16BitAccess)
            throw Error(SAC_ERROR_UNSUPPORTED, "info->precision is SAC_PRECISION_FLOAT16, the context has no "
                                               "storageBuffer16BitAccess (SAC_FEATURE_STORAGE_16BIT_BIT)");
        return DataType::f16;
    case SAC_PRECISION_FLOAT16_IF_SUPPORTED:
        return device.storageBuffer16BitAccess ? DataType::f16 : DataType::f32;
    case SAC_PRECISION_MAX_ENUM:
        break;
    }
    throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->precision is %d, no SacPrecision", static_cast<int>(precision));
}

BiasRequest biasRequest(const SacPositionBiasInfo* info) {
    BiasRequest bias;
    bias.tolerance = defaultTolerance;
    bias.tableLimit = defaultTableLimit;
    if (!info)
        return bias;
    switch (info->mode) {
    case SAC_POSITION_BIAS_MODE_AUTO:
        bias.mode = BiasMode::automatic;
        break;
    case SAC_POSITION_BIAS_MODE_EXACT:
        bias.mode = BiasMode::exact;
        break;
    case SAC_POSITION_BIAS_MODE_TABLE:
        bias.mode = BiasMode::table;
        break;
    default:
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "SacPositionBiasInfo::mode is %d, no SacPositionBiasMode",
                    static_cast<int>(info->mode));
    }
    // Written so that a NaN fails too.
    if (!(info->tolerance >= 0.0f && info->tolerance <= 1.0f))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "SacPositionBiasInfo::tolerance is %g, it lies in (0, 1], 0 for 1e-4",
                    static_cast<double>(info->tolerance));
    if (info->tolerance > 0)
        bias.tolerance = info->tolerance;
    if (info->tableLimit)
        bias.tableLimit = info->tableLimit;
    return bias;
}

} // namespace saccade
