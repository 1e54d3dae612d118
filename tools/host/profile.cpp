// SPDX-License-Identifier: Apache-2.0
#include "host/profile.hpp"

#include <algorithm>
#include <memory_resource>

#include "base/device_profile.hpp"
#include "base/error.hpp"
#include "host/errors.hpp"
#include "host/tensor_file.hpp"
#include "io/json.hpp"

namespace saccade::host {

namespace {

SacDeviceProfile weakProfile(const SacDeviceProfile& device) {
    SacDeviceProfile weak = DeviceProfile();
    weak.vendorID = device.vendorID;
    weak.subgroupSize = std::min(device.subgroupSize, 4u);
    weak.maxPerStageDescriptorStorageBuffers = device.maxPerStageDescriptorStorageBuffers;
    return weak;
}

/// A profile's members over those that it starts with, from JSON. Messages begin with the file's name.
class ProfileReader {
public:
    ProfileReader(const std::string& path, SacDeviceProfile& profile) : path_(path), profile_(profile) {}

    void read(const JsonValue& root) {
        if (!root.isObject())
            fail("is no JSON object");
        for (const JsonMember& member : root.members())
            set(std::string(member.key), member.value);
    }

private:
    void set(const std::string& key, const JsonValue& value) {
        struct Number {
            const char* name;
            uint32_t SacDeviceProfile::*member;
        };
        static constexpr Number numbers[] = {
            {"vendorID", &SacDeviceProfile::vendorID},
            {"apiVersion", &SacDeviceProfile::apiVersion},
            {"subgroupSize", &SacDeviceProfile::subgroupSize},
            {"subgroupOperations", &SacDeviceProfile::subgroupOperations},
            {"maxComputeWorkGroupInvocations", &SacDeviceProfile::maxComputeWorkGroupInvocations},
            {"maxComputeSharedMemorySize", &SacDeviceProfile::maxComputeSharedMemorySize},
            {"maxPushConstantsSize", &SacDeviceProfile::maxPushConstantsSize},
            {"maxPerStageDescriptorStorageBuffers", &SacDeviceProfile::maxPerStageDescriptorStorageBuffers},
        };
        struct Flag {
            const char* name;
            VkBool32 SacDeviceProfile::*member;
        };
        static constexpr Flag flags[] = {
            {"storageBuffer16BitAccess", &SacDeviceProfile::storageBuffer16BitAccess},
            {"pushDescriptors", &SacDeviceProfile::pushDescriptors},
            {"shaderStorageImageWriteWithoutFormat", &SacDeviceProfile::shaderStorageImageWriteWithoutFormat},
            {"shaderFloat16", &SacDeviceProfile::shaderFloat16},
        };
        for (const Number& known : numbers)
            if (key == known.name) {
                profile_.*known.member = static_cast<uint32_t>(number(key, value, UINT32_MAX));
                return;
            }
        for (const Flag& known : flags)
            if (key == known.name) {
                profile_.*known.member = boolean(key, value);
                return;
            }
        if (key == "kind")
            profile_.kind = kind(value);
        else if (key == "maxStorageBufferRange")
            profile_.maxStorageBufferRange = number(key, value, INT64_MAX);
        else if (key == "minStorageBufferOffsetAlignment")
            profile_.minStorageBufferOffsetAlignment = number(key, value, INT64_MAX);
        else if (key == "maxComputeWorkGroupSize")
            setAxes(key, value, profile_.maxComputeWorkGroupSize);
        else if (key == "maxComputeWorkGroupCount")
            setAxes(key, value, profile_.maxComputeWorkGroupCount);
        else if (key == "matrixShapes")
            setMatrixShapes(key, value);
        else
            fail("has \"" + key + "\", which is no member of SacDeviceProfile");
    }

    SacDeviceKind kind(const JsonValue& value) {
        if (value.asString() == "cpu")
            return SAC_DEVICE_KIND_CPU;
        if (value.asString() != "gpu")
            fail("has a \"kind\" that is neither \"cpu\" nor \"gpu\"");
        return SAC_DEVICE_KIND_GPU;
    }

    uint64_t number(const std::string& key, const JsonValue& value, int64_t most) {
        if (!value.isInteger() || value.asInteger() < 0 || value.asInteger() > most)
            fail("has a \"" + key + "\" that is no integer from 0 to " + std::to_string(most));
        return static_cast<uint64_t>(value.asInteger());
    }

    VkBool32 boolean(const std::string& key, const JsonValue& value) {
        if (!value.isBoolean())
            fail("has a \"" + key + "\" that is neither true nor false");
        return value.asBoolean() ? VK_TRUE : VK_FALSE;
    }

    void setAxes(const std::string& key, const JsonValue& value, uint32_t (&axes)[3]) {
        if (value.items().size() != 3)
            fail("has a \"" + key + "\" that is no array of three numbers");
        for (int axis = 0; axis < 3; ++axis)
            axes[axis] = static_cast<uint32_t>(number(key, value.items()[axis], UINT32_MAX));
    }

    void setMatrixShapes(const std::string& key, const JsonValue& value) {
        if (!value.isArray() || value.items().size() > SAC_MAX_MATRIX_SHAPES)
            fail("has \"" + key + "\" that is no array of at most " + std::to_string(SAC_MAX_MATRIX_SHAPES) +
                 " shapes");
        profile_.matrixShapeCount = 0;
        for (const JsonValue& item : value.items()) {
            SacMatrixShape shape{};
            for (const JsonMember& member : item.members()) {
                const std::string name(member.key);
                if (name == "float32Result")
                    shape.float32Result = boolean(name, member.value);
                else if (name == "m" || name == "n" || name == "k")
                    (name == "m"   ? shape.m
                     : name == "n" ? shape.n
                                   : shape.k) = static_cast<uint32_t>(number(name, member.value, UINT32_MAX));
                else
                    fail("has \"" + name + "\" in a shape of \"" + key + "\", which is no member of SacMatrixShape");
            }
            profile_.matrixShapes[profile_.matrixShapeCount++] = shape;
        }
    }

    [[noreturn]] void fail(const std::string& what) { throw FileError(path_ + " " + what); }

    const std::string& path_;
    SacDeviceProfile& profile_;
};

} // namespace

SacDeviceProfile namedProfile(const std::string& text, const SacDeviceProfile& device) {
    SacDeviceProfile profile = device;
    if (text == "cpu" || text == "gpu") {
        profile.kind = text == "cpu" ? SAC_DEVICE_KIND_CPU : SAC_DEVICE_KIND_GPU;
    } else if (text == "weak") {
        profile = weakProfile(device);
    } else if (text == "minimum") {
        profile = DeviceProfile();
        profile.vendorID = device.vendorID;
    } else {
        const std::vector<std::byte> bytes = readFile(text);
        try {
            const JsonDocument document =
                parseJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, std::pmr::get_default_resource(),
                          SAC_ERROR_INVALID_CONFIG, text.c_str());
            ProfileReader(text, profile).read(document.root());
        } catch (const Error& error) {
            throw FileError(text + ": " + error.what());
        }
    }
    return profile;
}

} // namespace saccade::host
