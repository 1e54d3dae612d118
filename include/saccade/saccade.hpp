// SPDX-License-Identifier: Apache-2.0
// Saccade for C++17: the objects of saccade.h as move-only handles, failures as exceptions. Header-only and thin: the
// comments of the C interface say what each call does, what it wants and which threads may make it.
//
//     sac::Context context(contextInfo);
//     sac::Model model(context, fileBytes);
//     sac::PlanBuilder builder;
//     builder.input("x", {1, 64, 64, 64}).output("y");
//     sac::Plan plan(model, builder);
//     sac::MemoryRanges memory;                                                        // buffers for plan.memory()
//     plan.cmdUpload(commandBuffer, sac::uploadInfo(memory));                          // once
//     std::vector<SacTensorBinding> bindings = {plan.bind("x", x), plan.bind("y", y)}; // once
//     plan.cmdRun(commandBuffer, sac::runInfo(memory), bindings);                      // every frame
//
// A Context outlives its Models, a Model its Plans. Destructors cannot report what breaks that rule: the log does.
#ifndef SACCADE_SACCADE_HPP_
#define SACCADE_SACCADE_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <saccade/saccade.h>
#include <saccade/saccade_layouts.h>

namespace sac {

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

/// The sType of a structure.
template <class Structure>
inline constexpr SacStructureType structureType = SAC_STRUCTURE_TYPE_MAX_ENUM;
#define SAC_STRUCTURE(Structure, NAME)                                                                                 \
    template <>                                                                                                        \
    inline constexpr SacStructureType structureType<Structure> = SAC_STRUCTURE_TYPE_##NAME;
SAC_STRUCTURE(SacDeviceQuery, DEVICE_QUERY)
SAC_STRUCTURE(SacDeviceSupport, DEVICE_SUPPORT)
SAC_STRUCTURE(SacDeviceProfile, DEVICE_PROFILE)
SAC_STRUCTURE(SacExtendedDeviceCreateInfo, EXTENDED_DEVICE_CREATE_INFO)
SAC_STRUCTURE(SacContextInfo, CONTEXT_INFO)
SAC_STRUCTURE(SacModelInfo, MODEL_INFO)
SAC_STRUCTURE(SacModuleDescription, MODULE_DESCRIPTION)
SAC_STRUCTURE(SacKeyDescription, KEY_DESCRIPTION)
SAC_STRUCTURE(SacTensorDescription, TENSOR_DESCRIPTION)
SAC_STRUCTURE(SacPlanInfo, PLAN_INFO)
SAC_STRUCTURE(SacPositionBiasInfo, POSITION_BIAS_INFO)
SAC_STRUCTURE(SacCompileJobs, COMPILE_JOBS)
SAC_STRUCTURE(SacTensorDesc, TENSOR_DESC)
SAC_STRUCTURE(SacImageDesc, IMAGE_DESC)
SAC_STRUCTURE(SacTensorInfo, TENSOR_INFO)
SAC_STRUCTURE(SacMemoryRequirements, MEMORY_REQUIREMENTS)
SAC_STRUCTURE(SacPlanProperties, PLAN_PROPERTIES)
SAC_STRUCTURE(SacPositionBiasProperties, POSITION_BIAS_PROPERTIES)
SAC_STRUCTURE(SacStageInfo, STAGE_INFO)
SAC_STRUCTURE(SacMemoryPart, MEMORY_PART)
SAC_STRUCTURE(SacResourceAccess, RESOURCE_ACCESS)
SAC_STRUCTURE(SacDispatch, DISPATCH)
SAC_STRUCTURE(SacShader, SHADER)
SAC_STRUCTURE(SacUploadInfo, UPLOAD_INFO)
SAC_STRUCTURE(SacRunInfo, RUN_INFO)
SAC_STRUCTURE(SacTensorBinding, TENSOR_BINDING)
SAC_STRUCTURE(SacImageBinding, IMAGE_BINDING)
SAC_STRUCTURE(SacVariableLayoutInfo, VARIABLE_LAYOUT_INFO)
#undef SAC_STRUCTURE

/// A structure with its sType, everything else zero: make<SacRunInfo>(). A SacContextInfo has its apiVersion too.
template <class Structure>
Structure make() noexcept {
    static_assert(structureType<Structure> != SAC_STRUCTURE_TYPE_MAX_ENUM, "no structure with an sType");
    Structure structure{};
    structure.sType = structureType<Structure>;
    if constexpr (std::is_same_v<Structure, SacContextInfo>)
        structure.apiVersion = SAC_VERSION;
    return structure;
}

inline SacImageDesc imageDesc(VkFormat format, uint32_t channels = 0, uint32_t pixelShuffle = 0,
                              SacImageTransfer transfer = SAC_IMAGE_TRANSFER_LINEAR) noexcept {
    SacImageDesc desc = make<SacImageDesc>();
    desc.format = format;
    desc.channels = channels;
    desc.pixelShuffle = pixelShuffle;
    desc.transfer = transfer;
    return desc;
}
inline SacImageBinding imageBinding(VkImageView view, VkImageLayout layout) noexcept {
    SacImageBinding binding = make<SacImageBinding>();
    binding.view = view;
    binding.layout = layout;
    return binding;
}

/// The engine's memory for a plan: a range for each SacMemoryKind, its index; null where Plan::memory says 0 bytes.
using MemoryRanges = std::array<SacBufferRange, SAC_MEMORY_KIND_COUNT>;

/// An upload into `memory`. Without a range for staging it copies no weights.
inline SacUploadInfo uploadInfo(const MemoryRanges& memory) noexcept {
    SacUploadInfo info = make<SacUploadInfo>();
    info.weights = memory[SAC_MEMORY_WEIGHTS];
    info.tables = memory[SAC_MEMORY_TABLES];
    info.workspace = memory[SAC_MEMORY_WORKSPACE];
    info.parameters = memory[SAC_MEMORY_PARAMETERS];
    info.staging = memory[SAC_MEMORY_STAGING];
    return info;
}
/// A run with `memory`, of the batch as planned; the bindings are to be added.
inline SacRunInfo runInfo(const MemoryRanges& memory) noexcept {
    SacRunInfo info = make<SacRunInfo>();
    info.weights = memory[SAC_MEMORY_WEIGHTS];
    info.tables = memory[SAC_MEMORY_TABLES];
    info.workspace = memory[SAC_MEMORY_WORKSPACE];
    info.state = memory[SAC_MEMORY_STATE];
    info.parameters = memory[SAC_MEMORY_PARAMETERS];
    return info;
}

/// sacQueryDevice. An unfit device is an answer (`supported`), no exception.
inline SacDeviceSupport queryDevice(PFN_vkGetInstanceProcAddr getInstanceProcAddr, VkInstance instance,
                                    VkPhysicalDevice physicalDevice) {
    SacDeviceQuery query = make<SacDeviceQuery>();
    query.getInstanceProcAddr = getInstanceProcAddr;
    query.instance = instance;
    query.physicalDevice = physicalDevice;
    SacDeviceSupport support = make<SacDeviceSupport>();
    SacError error{};
    check(sacQueryDevice(&query, &support, &error), error);
    return support;
}

/// sacExtendDeviceCreateInfo: `createInfo` with what the library can use. It stays where it is, since it points into
/// itself, and lives until vkCreateDevice has returned.
class ExtendedDeviceCreateInfo {
public:
    ExtendedDeviceCreateInfo(PFN_vkGetInstanceProcAddr getInstanceProcAddr, VkInstance instance,
                             VkPhysicalDevice physicalDevice, const VkDeviceCreateInfo& createInfo) {
        SacDeviceQuery query = make<SacDeviceQuery>();
        query.getInstanceProcAddr = getInstanceProcAddr;
        query.instance = instance;
        query.physicalDevice = physicalDevice;
        SacError error{};
        check(sacExtendDeviceCreateInfo(&query, &createInfo, &extended_, &error), error);
    }
    ExtendedDeviceCreateInfo(const ExtendedDeviceCreateInfo&) = delete;
    ExtendedDeviceCreateInfo& operator=(const ExtendedDeviceCreateInfo&) = delete;

    /// For vkCreateDevice.
    const VkDeviceCreateInfo* get() const noexcept { return &extended_.createInfo; }
    /// For SacContextInfo::enabledFeatures.
    SacFeatureFlags features() const noexcept { return extended_.features; }
    /// See SacExtendedDeviceCreateInfo::changed; `index` is 0 or 1.
    VkBool32* changed(uint32_t index) const noexcept { return extended_.changed[index]; }

private:
    SacExtendedDeviceCreateInfo extended_ = make<SacExtendedDeviceCreateInfo>();
};

/// The items of a query that answers their count first, as query(&count, items, &error).
template <class Item, class Query>
std::vector<Item> enumerate(const Query& query) {
    SacError error{};
    uint32_t count = 0;
    check(query(&count, nullptr, &error), error);
    std::vector<Item> items(count, make<Item>());
    check(query(&count, items.data(), &error), error);
    return items;
}

/// What modules there are and what each takes; the strings are the library's. Without a context.
inline std::vector<const char*> moduleNames() {
    std::vector<const char*> names;
    while (const char* name = sacGetModuleName(static_cast<uint32_t>(names.size())))
        names.push_back(name);
    return names;
}
inline SacModuleDescription moduleDescription(const char* module) {
    SacModuleDescription description = make<SacModuleDescription>();
    SacError error{};
    check(sacGetModuleDescription(module, &description, &error), error);
    return description;
}
inline std::vector<SacKeyDescription> moduleKeys(const char* module, SacKeyUse use) {
    return enumerate<SacKeyDescription>([&](uint32_t* count, SacKeyDescription* keys, SacError* error) {
        return sacGetModuleKeys(module, use, count, keys, error);
    });
}
inline std::vector<SacTensorDescription> moduleTensors(const char* module) {
    return enumerate<SacTensorDescription>([&](uint32_t* count, SacTensorDescription* tensors, SacError* error) {
        return sacGetModuleTensors(module, count, tensors, error);
    });
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
template <class Handle, void(VKAPI_PTR* destroy)(Handle)>
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
    /// For the functions of the C API.
    operator Handle() const noexcept { return handle_; }
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

/// What a context logs; it may be called on any thread that calls the library, and should not throw.
using LogFunction = std::function<void(SacLogSeverity severity, const char* message)>;

class Context : public UniqueHandle<SacContext, sacDestroyContext> {
public:
    Context() noexcept = default; ///< empty
    /// With `log`, in place of info's callback.
    explicit Context(SacContextInfo info, LogFunction log = {}) {
        if (log) {
            log_ = std::make_unique<LogFunction>(std::move(log));
            info.log = [](void* function, SacLogSeverity severity, const char* message) {
                (*static_cast<LogFunction*>(function))(severity, message);
            };
            info.logUserData = log_.get();
        }
        SacContext handle = nullptr;
        SacError error{};
        check(sacCreateContext(&info, &handle, &error), error);
        reset(handle);
    }
    /// Without a device: plans for the one that `profile` describes, and records nothing.
    explicit Context(const SacDeviceProfile& profile, LogFunction log = {})
        : Context(ofProfile(profile), std::move(log)) {}
    ~Context() { reset(); } // what it still logs has somewhere to go
    Context(Context&&) noexcept = default;
    Context& operator=(Context&& other) noexcept {
        UniqueHandle::operator=(std::move(other));
        log_ = std::move(other.log_);
        return *this;
    }

private:
    static SacContextInfo ofProfile(const SacDeviceProfile& profile) noexcept {
        SacContextInfo info = make<SacContextInfo>();
        info.profile = &profile;
        return info;
    }

    std::unique_ptr<LogFunction> log_;
};

class Model : public UniqueHandle<SacModel, sacDestroyModel> {
public:
    Model() noexcept = default; ///< empty
    Model(SacContext context, const SacModelInfo& info) {
        SacModel handle = nullptr;
        SacError error{};
        check(sacCreateModel(context, &info, &handle, &error), error);
        reset(handle);
    }
    /// Of a file's bytes alone, which outlive the model.
    Model(SacContext context, const void* data, std::size_t size) : Model(context, ofBytes(data, size)) {}
    /// The same for a container of bytes.
    template <class Bytes, class Byte = std::remove_pointer_t<decltype(std::data(std::declval<const Bytes&>()))>>
    Model(SacContext context, const Bytes& file) : Model(context, ofBytes(std::data(file), std::size(file))) {
        static_assert(sizeof(Byte) == 1, "elements are bytes");
    }

    const char* module() const noexcept { return sacGetModelModule(get()); }

private:
    static SacModelInfo ofBytes(const void* data, std::size_t size) noexcept {
        SacModelInfo info = make<SacModelInfo>();
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

    /// Members that have no function below are the caller's to set.
    SacPlanInfo info = make<SacPlanInfo>();
    /// What input() and output() describe, in order. Members that these do not take are the caller's to set.
    std::vector<SacTensorDesc> inputs, outputs;

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
        inputs.push_back(desc);
        return *this;
    }
    /// The same with values that the builder keeps.
    PlanBuilder& input(const std::string& name, const std::vector<uint64_t>& shape, SacDataType dataType,
                       SacLayout layout, std::vector<std::byte> hostData) {
        const std::vector<std::byte>& kept = hostData_.emplace_back(std::move(hostData));
        return input(name, shape, dataType, layout, kept.data(), kept.size());
    }
    /// The same for a shape of another integer type, as std::vector<int64_t>.
    template <class Shape,
              class = std::enable_if_t<
                  std::is_integral_v<std::decay_t<decltype(*std::begin(std::declval<const Shape&>()))>> &&
                  !std::is_same_v<Shape, std::vector<uint64_t>>>,
              class... Arguments>
    PlanBuilder& input(const std::string& name, const Shape& shape, Arguments&&... arguments) {
        return input(name, std::vector<uint64_t>(std::begin(shape), std::end(shape)),
                     std::forward<Arguments>(arguments)...);
    }
    PlanBuilder& output(const std::string& name, SacDataType dataType = SAC_DATA_TYPE_DEFAULT,
                        SacLayout layout = SAC_LAYOUT_CONTIGUOUS) {
        outputs.push_back(describe(name, dataType, layout));
        return *this;
    }
    /// As images, in place of a buffer.
    PlanBuilder& input(const std::string& name, const std::vector<uint64_t>& shape,
                       const std::vector<SacImageDesc>& images) {
        input(name, shape);
        setImages(inputs.back(), images);
        return *this;
    }
    PlanBuilder& output(const std::string& name, const std::vector<SacImageDesc>& images) {
        output(name);
        setImages(outputs.back(), images);
        return *this;
    }
    /// Forward arguments, a JSON object.
    PlanBuilder& options(std::string json) {
        options_ = std::move(json);
        return *this;
    }

    /// Of modules that have one; zeros are the defaults.
    PlanBuilder& positionBias(SacPositionBiasMode mode, float tolerance = 0, VkDeviceSize tableLimit = 0) {
        bias_ = make<SacPositionBiasInfo>();
        bias_.mode = mode;
        bias_.tolerance = tolerance;
        bias_.tableLimit = tableLimit;
        return *this;
    }
    /// Called while the plan is made; false cancels.
    PlanBuilder& progress(std::function<bool(uint32_t done, uint32_t total)> function) {
        progress_ = std::move(function);
        return *this;
    }

    /// Lends threads: calls job(i) for each i below `count` and returns when all have returned.
    using ParallelFor = std::function<void(uint32_t count, const std::function<void(uint32_t index)>& job)>;
    PlanBuilder& compileJobs(ParallelFor function) {
        parallelFor_ = std::move(function);
        return *this;
    }

    /// `info` with its arrays; points into this object. Valid until the object changes.
    const SacPlanInfo& get() noexcept {
        SacPlanInfo& out = complete_;
        out = info;
        if (bias_.sType) {
            bias_.pNext = out.pNext;
            out.pNext = &bias_;
        }
        if (parallelFor_) {
            jobs_ = make<SacCompileJobs>();
            jobs_.pNext = out.pNext;
            jobs_.parallelFor = [](void* function, uint32_t count, SacCompileJob job, void* jobData) {
                (*static_cast<ParallelFor*>(function))(count, [=](uint32_t index) { job(jobData, index); });
            };
            jobs_.userData = &parallelFor_;
            out.pNext = &jobs_;
        }
        if (progress_) {
            out.progress = [](void* function, uint32_t done, uint32_t total) -> VkBool32 {
                return (*static_cast<std::function<bool(uint32_t, uint32_t)>*>(function))(done, total);
            };
            out.progressUserData = &progress_;
        }
        out.inputCount = static_cast<uint32_t>(inputs.size());
        out.inputs = inputs.data();
        out.outputCount = static_cast<uint32_t>(outputs.size());
        out.outputs = outputs.data();
        if (!options_.empty())
            out.options = options_.c_str();
        return out;
    }

private:
    SacTensorDesc describe(const std::string& name, SacDataType dataType, SacLayout layout) {
        SacTensorDesc desc = make<SacTensorDesc>();
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
    std::deque<std::vector<std::byte>> hostData_;
    SacPlanInfo complete_{}; ///< of the last get()
    std::string options_;
    SacPositionBiasInfo bias_{};
    SacCompileJobs jobs_{};
    ParallelFor parallelFor_;
    std::function<bool(uint32_t, uint32_t)> progress_;
};

class Plan : public UniqueHandle<SacPlan, sacDestroyPlan> {
public:
    Plan() noexcept = default; ///< empty
    Plan(SacModel model, const SacPlanInfo& info) {
        SacPlan handle = nullptr;
        SacError error{};
        check(sacCreatePlan(model, &info, &handle, &error), error);
        reset(handle);
    }
    Plan(SacModel model, PlanBuilder& builder) : Plan(model, builder.get()) {}

    SacMemoryRequirements memory(SacMemoryKind kind) const {
        SacMemoryRequirements requirements = make<SacMemoryRequirements>();
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
    /// In the order of the request: inputs, then outputs. Their names live as long as the plan.
    std::vector<SacTensorInfo> tensors() const { return list<SacTensorInfo>(sacGetPlanTensors); }
    /// Index of the tensor of that name, as bindings have it. Throws Exception where there is none.
    uint32_t tensor(const char* name) const {
        const std::vector<SacTensorInfo> all = tensors();
        for (std::size_t i = 0; i < all.size(); ++i)
            if (std::strcmp(all[i].name, name) == 0)
                return static_cast<uint32_t>(i);
        throw Exception(SAC_ERROR_INVALID_ARGUMENT, "the plan has no tensor \"" + std::string(name) + "\"");
    }
    /// Of one run, in order. Their names live as long as the plan.
    std::vector<SacStageInfo> stages() const { return list<SacStageInfo>(sacGetPlanStages); }
    /// Of every kind. Their names live as long as the plan.
    std::vector<SacMemoryPart> memoryParts() const { return list<SacMemoryPart>(sacGetPlanMemoryParts); }
    /// Every resource that cmdUpload or cmdRun touches, and how: what a render graph makes its barriers from.
    std::vector<SacResourceAccess> access(SacCommand command) const {
        return enumerate<SacResourceAccess>([&](uint32_t* count, SacResourceAccess* accesses, SacError* error) {
            return sacGetPlanAccess(get(), command, count, accesses, error);
        });
    }
    /// Of cmdUpload or cmdRun, in order, for a renderer that records them itself. Their names live as long as the plan.
    std::vector<SacDispatch> dispatches(SacCommand command) const {
        return enumerate<SacDispatch>([&](uint32_t* count, SacDispatch* dispatches, SacError* error) {
            return sacGetPlanDispatches(get(), command, count, dispatches, error);
        });
    }
    /// Of all dispatches, each once.
    std::vector<SacShader> shaders() const { return list<SacShader>(sacGetPlanShaders); }
    /// SPIR-V of shaders()[shader].
    std::vector<uint32_t> shaderCode(uint32_t shader) const {
        SacError error{};
        std::size_t size = 0;
        check(sacGetPlanShaderCode(get(), shader, &size, nullptr, &error), error);
        std::vector<uint32_t> code(size / sizeof(uint32_t));
        check(sacGetPlanShaderCode(get(), shader, &size, code.data(), &error), error);
        return code;
    }
    SacPlanProperties properties() const {
        SacPlanProperties properties = make<SacPlanProperties>();
        SacError error{};
        check(sacGetPlanProperties(get(), &properties, &error), error);
        return properties;
    }
    SacPositionBiasProperties positionBias() const {
        SacPlanProperties properties = make<SacPlanProperties>();
        SacPositionBiasProperties bias = make<SacPositionBiasProperties>();
        properties.pNext = &bias;
        SacError error{};
        check(sacGetPlanProperties(get(), &properties, &error), error);
        return bias;
    }

    /// A tensor, by name, bound to a buffer, to the value that it has for a run, or to images, a container that lives
    /// until the call. The name is looked up here: keep the binding and change its buffer from frame to frame.
    SacTensorBinding bind(const char* name, const SacBufferRange& buffer) const {
        SacTensorBinding binding = unbound(name);
        binding.buffer = buffer;
        return binding;
    }
    SacTensorBinding bind(const char* name, const int32_t* value) const {
        SacTensorBinding binding = unbound(name);
        binding.value = value;
        return binding;
    }
    template <class Images>
    SacTensorBinding bindImages(const char* name, const Images& images) const {
        SacTensorBinding binding = unbound(name);
        binding.imageCount = static_cast<uint32_t>(std::size(images));
        binding.images = std::data(images);
        return binding;
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

    /// Bytes [offset, offset + size) of what the weights' memory has to hold. Without a part all of them,
    /// memory(SAC_MEMORY_WEIGHTS).size bytes.
    void writeWeights(VkDeviceSize offset, VkDeviceSize size, void* data) const {
        SacError error{};
        check(sacWriteWeights(get(), offset, size, data, &error), error);
    }
    void writeWeights(void* data) const { writeWeights(0, memory(SAC_MEMORY_WEIGHTS).size, data); }
    /// All of what the parameters' memory has to hold, where cmdUpload does not fill it.
    void writeParameters(void* data) const {
        SacError error{};
        check(sacWriteParameters(get(), 0, memory(SAC_MEMORY_PARAMETERS).size, data, &error), error);
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

private:
    template <class Item, class Query>
    std::vector<Item> list(const Query& query) const {
        return enumerate<Item>(
            [&](uint32_t* count, Item* items, SacError* error) { return query(get(), count, items, error); });
    }

    SacTensorBinding unbound(const char* name) const {
        SacTensorBinding binding = make<SacTensorBinding>();
        binding.tensor = tensor(name);
        return binding;
    }
};

} // namespace sac

#endif // SACCADE_SACCADE_HPP_
