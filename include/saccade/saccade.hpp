// Saccade for C++17: the objects of saccade.h as move-only handles, failures as exceptions. Header-only and thin: the
// comments of the C interface say what each call does, what it wants and which threads may make it.
//
//     saccade::Context context(contextInfo);
//     saccade::Model model(context, fileBytes.data(), fileBytes.size());
//     saccade::PlanBuilder builder;
//     builder.input("x", {1, 64, 64, 64}).output("y");
//     saccade::Plan plan(model, builder);
//     plan.cmdUpload(commandBuffer, uploadInfo);
//     plan.cmdRun(commandBuffer, runInfo);
//
// A Context outlives its Models, a Model its Plans. Destructors cannot report what breaks that rule: the log does.
#ifndef SACCADE_SACCADE_HPP_
#define SACCADE_SACCADE_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <saccade/saccade.h>

namespace saccade {

// Inline, so that these names never meet symbols of the static library, which has a namespace saccade of its own.
inline namespace wrapper {

/// A call that failed; what() is the library's message.
class Exception : public std::runtime_error {
public:
    Exception(SacResult result, const std::string& message) : std::runtime_error(message), result_(result) {}
    SacResult result() const noexcept { return result_; }

private:
    SacResult result_;
};

/// Throws Exception unless `result` is SAC_SUCCESS. `error` is what the same call filled.
inline void check(SacResult result, const SacError& error) {
    if (result != SAC_SUCCESS)
        throw Exception(result, error.message[0] ? error.message : sacResultString(result));
}

/// Structures with their sType, everything else zero.
inline SacContextInfo contextInfo() noexcept {
    SacContextInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
    return info;
}
inline SacDeviceProfile deviceProfile() noexcept {
    SacDeviceProfile profile{};
    profile.sType = SAC_STRUCTURE_TYPE_DEVICE_PROFILE;
    return profile;
}
inline SacModelInfo modelInfo() noexcept {
    SacModelInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    return info;
}
inline SacPlanInfo planInfo() noexcept {
    SacPlanInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_PLAN_INFO;
    return info;
}
inline SacUploadInfo uploadInfo() noexcept {
    SacUploadInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_UPLOAD_INFO;
    return info;
}
inline SacRunInfo runInfo() noexcept {
    SacRunInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_RUN_INFO;
    return info;
}
inline SacVariableLayoutInfo variableLayoutInfo() noexcept {
    SacVariableLayoutInfo info{};
    info.sType = SAC_STRUCTURE_TYPE_VARIABLE_LAYOUT_INFO;
    return info;
}

/// sacQueryDevice. An unfit device is an answer (`supported`), no exception.
inline SacDeviceSupport queryDevice(PFN_vkGetInstanceProcAddr getInstanceProcAddr, VkInstance instance,
                                    VkPhysicalDevice physicalDevice) {
    SacDeviceQuery query{};
    query.sType = SAC_STRUCTURE_TYPE_DEVICE_QUERY;
    query.getInstanceProcAddr = getInstanceProcAddr;
    query.instance = instance;
    query.physicalDevice = physicalDevice;
    SacDeviceSupport support{};
    support.sType = SAC_STRUCTURE_TYPE_DEVICE_SUPPORT;
    SacError error{};
    check(sacQueryDevice(&query, &support, &error), error);
    return support;
}

/// sacBuildVariableLayout: bytes (heads, blocks, blocks). `localWindowBlocks` and the like stay the caller's.
inline std::vector<uint8_t> buildVariableLayout(const SacVariableLayoutInfo& info) {
    SacError error{};
    uint8_t none = 0;
    // A size that is wrong in any case lets the library name a wrong argument before anything is allocated for it.
    if (info.heads == 0 || info.heads > 65536 || info.blocks == 0 || info.blocks > 65536)
        check(sacBuildVariableLayout(&info, 0, &none, &error), error);
    std::vector<uint8_t> layout(static_cast<std::size_t>(info.heads) * info.blocks * info.blocks);
    check(sacBuildVariableLayout(&info, layout.size(), layout.data(), &error), error);
    return layout;
}

/// What the three objects have in common: a handle that is owned by one and ends with it.
template <class Handle, void (*destroy)(Handle)>
class UniqueHandle {
public:
    UniqueHandle() noexcept = default;
    explicit UniqueHandle(Handle handle) noexcept : handle_(handle) {}
    ~UniqueHandle() { reset(); }
    UniqueHandle(UniqueHandle&& other) noexcept : handle_(other.release()) {}
    UniqueHandle& operator=(UniqueHandle&& other) noexcept {
        if (this != &other)
            reset(other.release());
        return *this;
    }

    Handle get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// Gives the handle away; the object is empty then.
    Handle release() noexcept { return std::exchange(handle_, nullptr); }
    /// Destroys the handle and takes `handle` instead.
    void reset(Handle handle = nullptr) noexcept {
        if (handle_)
            destroy(handle_);
        handle_ = handle;
    }

private:
    Handle handle_ = nullptr;
};

namespace detail {
inline void destroyContext(SacContext handle) { sacDestroyContext(handle, nullptr); }
inline void destroyModel(SacModel handle) { sacDestroyModel(handle, nullptr); }
inline void destroyPlan(SacPlan handle) { sacDestroyPlan(handle); }
} // namespace detail

class Context : public UniqueHandle<SacContext, detail::destroyContext> {
public:
    Context() noexcept = default; ///< empty
    explicit Context(const SacContextInfo& info) {
        SacContext handle = nullptr;
        SacError error{};
        check(sacCreateContext(&info, &handle, &error), error);
        reset(handle);
    }
    /// Without a device: plans for the one that `profile` describes, and records nothing.
    explicit Context(const SacDeviceProfile& profile) : Context(ofProfile(profile)) {}

private:
    static SacContextInfo ofProfile(const SacDeviceProfile& profile) noexcept {
        SacContextInfo info = contextInfo();
        info.profile = &profile;
        return info;
    }
};

class Model : public UniqueHandle<SacModel, detail::destroyModel> {
public:
    Model() noexcept = default; ///< empty
    Model(const Context& context, const SacModelInfo& info) {
        SacModel handle = nullptr;
        SacError error{};
        check(sacCreateModel(context.get(), &info, &handle, &error), error);
        reset(handle);
    }
    /// Of a file's bytes alone, which outlive the model.
    Model(const Context& context, const void* data, std::size_t size) : Model(context, ofBytes(data, size)) {}

    const char* module() const noexcept { return sacGetModelModule(get()); }

private:
    static SacModelInfo ofBytes(const void* data, std::size_t size) noexcept {
        SacModelInfo info = modelInfo();
        info.data = data;
        info.size = size;
        return info;
    }
};

/// A SacPlanInfo under construction, which owns the names and arrays it points to.
class PlanBuilder {
public:
    PlanBuilder() = default;
    PlanBuilder(const PlanBuilder&) = delete;
    PlanBuilder& operator=(const PlanBuilder&) = delete;

    /// Everything but inputs, outputs and options is the caller's to set.
    SacPlanInfo info = planInfo();

    /// `hostData`, of hostDataSize bytes, for inputs that are read at plan creation; it lives until then. Throws
    /// Exception above SAC_MAX_RANK.
    PlanBuilder& input(const std::string& name, const std::vector<uint64_t>& shape,
                       SacDataType dataType = SAC_DATA_TYPE_DEFAULT, SacLayout layout = SAC_LAYOUT_CONTIGUOUS,
                       const void* hostData = nullptr, std::size_t hostDataSize = 0) {
        if (shape.size() > SAC_MAX_RANK)
            throw Exception(SAC_ERROR_INVALID_ARGUMENT, "input \"" + name + "\" has " + std::to_string(shape.size()) +
                                                            " dimensions, at most SAC_MAX_RANK = 8");
        SacTensorDesc desc = describe(name, dataType, layout);
        desc.rank = static_cast<uint32_t>(shape.size());
        for (std::size_t i = 0; i < shape.size(); ++i)
            desc.shape[i] = shape[i];
        desc.hostData = hostData;
        desc.hostDataSize = hostDataSize;
        inputs_.push_back(desc);
        return *this;
    }
    PlanBuilder& output(const std::string& name, SacDataType dataType = SAC_DATA_TYPE_DEFAULT,
                        SacLayout layout = SAC_LAYOUT_CONTIGUOUS) {
        outputs_.push_back(describe(name, dataType, layout));
        return *this;
    }
    /// As images, in place of a buffer.
    PlanBuilder& input(const std::string& name, const std::vector<uint64_t>& shape,
                       const std::vector<SacImageDesc>& images) {
        input(name, shape);
        setImages(inputs_.back(), images);
        return *this;
    }
    PlanBuilder& output(const std::string& name, const std::vector<SacImageDesc>& images) {
        output(name);
        setImages(outputs_.back(), images);
        return *this;
    }
    /// Forward arguments, a JSON object.
    PlanBuilder& options(std::string json) {
        options_ = std::move(json);
        return *this;
    }

    /// `info` with its arrays; points into this object.
    SacPlanInfo get() const noexcept {
        SacPlanInfo out = info;
        out.inputCount = static_cast<uint32_t>(inputs_.size());
        out.inputs = inputs_.data();
        out.outputCount = static_cast<uint32_t>(outputs_.size());
        out.outputs = outputs_.data();
        if (!options_.empty())
            out.options = options_.c_str();
        return out;
    }

private:
    SacTensorDesc describe(const std::string& name, SacDataType dataType, SacLayout layout) {
        SacTensorDesc desc{};
        desc.name = names_.emplace_back(name).c_str();
        desc.dataType = dataType;
        desc.layout = layout;
        return desc;
    }

    void setImages(SacTensorDesc& desc, const std::vector<SacImageDesc>& images) {
        desc.images = images_.emplace_back(images).data();
        desc.imageCount = static_cast<uint32_t>(images.size());
    }

    std::deque<std::string> names_;
    std::deque<std::vector<SacImageDesc>> images_;
    std::vector<SacTensorDesc> inputs_, outputs_;
    std::string options_;
};

class Plan : public UniqueHandle<SacPlan, detail::destroyPlan> {
public:
    Plan() noexcept = default; ///< empty
    Plan(const Model& model, const SacPlanInfo& info) {
        SacPlan handle = nullptr;
        SacError error{};
        check(sacCreatePlan(model.get(), &info, &handle, &error), error);
        reset(handle);
    }
    Plan(const Model& model, const PlanBuilder& builder) : Plan(model, builder.get()) {}

    SacMemoryRequirements memory(SacMemoryKind kind) const {
        SacMemoryRequirements requirements{};
        SacError error{};
        check(sacGetPlanMemory(get(), kind, &requirements, &error), error);
        return requirements;
    }
    /// Of every kind, indexed by SacMemoryKind.
    std::array<SacMemoryRequirements, SAC_MEMORY_KIND_COUNT> memory() const {
        std::array<SacMemoryRequirements, SAC_MEMORY_KIND_COUNT> all{};
        for (std::size_t kind = 0; kind < all.size(); ++kind)
            all[kind] = memory(static_cast<SacMemoryKind>(kind));
        return all;
    }
    /// Inputs, then outputs. Their names live as long as the plan.
    std::vector<SacTensorInfo> tensors() const {
        SacError error{};
        uint32_t count = 0;
        check(sacGetPlanTensors(get(), &count, nullptr, &error), error);
        std::vector<SacTensorInfo> infos(count);
        check(sacGetPlanTensors(get(), &count, infos.data(), &error), error);
        return infos;
    }
    /// Of one run, in order. Their names live as long as the plan.
    std::vector<SacStageInfo> stages() const {
        SacError error{};
        uint32_t count = 0;
        check(sacGetPlanStages(get(), &count, nullptr, &error), error);
        std::vector<SacStageInfo> infos(count);
        check(sacGetPlanStages(get(), &count, infos.data(), &error), error);
        return infos;
    }
    /// Of every kind. Their names live as long as the plan.
    std::vector<SacMemoryPart> memoryParts() const {
        SacError error{};
        uint32_t count = 0;
        check(sacGetPlanMemoryParts(get(), &count, nullptr, &error), error);
        std::vector<SacMemoryPart> parts(count);
        check(sacGetPlanMemoryParts(get(), &count, parts.data(), &error), error);
        return parts;
    }
    SacPlanProperties properties() const {
        SacPlanProperties properties{};
        properties.sType = SAC_STRUCTURE_TYPE_PLAN_PROPERTIES;
        SacError error{};
        check(sacGetPlanProperties(get(), &properties, &error), error);
        return properties;
    }

    /// A safetensors file of the named parts, of all without names. `data` has memory(kind).size bytes.
    std::vector<std::byte> writeMemoryParts(SacMemoryKind kind, const void* data, std::size_t dataSize,
                                            const std::vector<std::string>& names = {}) const {
        std::vector<const char*> pointers;
        for (const std::string& name : names)
            pointers.push_back(name.c_str());
        const uint32_t count = static_cast<uint32_t>(pointers.size());
        SacError error{};
        std::size_t size = 0;
        check(sacWriteMemoryParts(get(), kind, data, dataSize, count, pointers.data(), &size, nullptr, &error), error);
        std::vector<std::byte> file(size);
        check(sacWriteMemoryParts(get(), kind, data, dataSize, count, pointers.data(), &size, file.data(), &error),
              error);
        return file;
    }

    void cmdUpload(VkCommandBuffer commandBuffer, const SacUploadInfo& info) const {
        SacError error{};
        check(sacCmdUpload(get(), commandBuffer, &info, &error), error);
    }
    void cmdRun(VkCommandBuffer commandBuffer, const SacRunInfo& info) const {
        SacError error{};
        check(sacCmdRun(get(), commandBuffer, &info, &error), error);
    }
    /// With the bindings of a container of SacTensorBinding, in place of info's.
    template <class Bindings>
    void cmdRun(VkCommandBuffer commandBuffer, SacRunInfo info, const Bindings& bindings) const {
        info.bindingCount = static_cast<uint32_t>(std::size(bindings));
        info.bindings = std::data(bindings);
        cmdRun(commandBuffer, info);
    }
};

/// A tensor bound to a buffer, one that brings its value, and one of images, a container that lives until the call.
inline SacTensorBinding bind(const char* name, const SacBufferRange& buffer) noexcept {
    SacTensorBinding binding{};
    binding.name = name;
    binding.buffer = buffer;
    return binding;
}
inline SacTensorBinding bind(const char* name, const int32_t* value) noexcept {
    SacTensorBinding binding{};
    binding.name = name;
    binding.value = value;
    return binding;
}

template <class Images>
SacTensorBinding bindImages(const char* name, const Images& images) noexcept {
    SacTensorBinding binding{};
    binding.name = name;
    binding.imageCount = static_cast<uint32_t>(std::size(images));
    binding.images = std::data(images);
    return binding;
}

} // namespace wrapper
} // namespace saccade

#endif // SACCADE_SACCADE_HPP_
