// SPDX-License-Identifier: Apache-2.0
// A whole frame from a stranger's file: model, plan, upload and runs, recorded into a Vulkan that checks everything.
//
// The input is a safetensors file as golden cases are: "in.*" and "out.*" are the plan's tensors, metadata may hold
// "options". A number in metadata "fuzz" chooses device, precision, position bias and flags, so that an input that
// fails is still a file that `saccade run` opens. It is mutated by structure (file_mutator.cpp).
#include <saccade/saccade.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/public_names.hpp"
#include "base/error.hpp"
#include "bounded_memory.hpp"
#include "io/safetensors.hpp"
#include "vulkan_stub.hpp"

using namespace saccade;

namespace {

constexpr std::size_t hostLimit = std::size_t{512} << 20;
constexpr uint64_t byteLimit = uint64_t{64} << 20; // weights are written to a staging buffer of this size at most

fuzz::StubDevice deviceOf(uint32_t choice) {
    fuzz::StubDevice device;
    switch (choice % 4) {
    case 0: // a software driver
        device.type = VK_PHYSICAL_DEVICE_TYPE_CPU;
        device.subgroupSize = 8;
        break;
    case 1: // a large GPU
        device.storageRange = UINT32_MAX;
        device.sharedMemory = 49152;
        break;
    case 2: // one without push descriptors
        device.subgroupSize = 64;
        device.pushDescriptors = false;
        device.offsetAlignment = 64;
        break;
    default: // the least that Vulkan 1.1 asks for, but for storage buffers, of which it lets a device have four
        device.subgroupSize = 4;
        device.subgroupOperations = VK_SUBGROUP_FEATURE_BASIC_BIT;
        device.sharedMemory = 16384;
        device.invocations = 128;
        device.storageBuffers = choice & 4 ? 4 : 16;
        device.offsetAlignment = 256;
        device.storage16Bit = device.pushDescriptors = false;
    }
    return device;
}

// Host memory as an engine lends it, counted.
struct Host {
    fuzz::BoundedMemory memory{hostLimit};
    VkAllocationCallbacks callbacks{this, allocate, reallocate, release, nullptr, nullptr};

    struct Header {
        std::size_t bytes, alignment;
    };
    static void* VKAPI_CALL allocate(void* self, std::size_t bytes, std::size_t alignment, VkSystemAllocationScope) {
        const std::size_t room = std::max(alignment, alignof(std::max_align_t));
        auto* begin = static_cast<std::byte*>(static_cast<Host*>(self)->memory.allocate(bytes + room, room));
        reinterpret_cast<Header*>(begin + room)[-1] = {bytes + room, room};
        return begin + room;
    }
    static void VKAPI_CALL release(void* self, void* memory) {
        if (!memory)
            return;
        const Header header = static_cast<Header*>(memory)[-1];
        static_cast<Host*>(self)->memory.deallocate(static_cast<std::byte*>(memory) - header.alignment, header.bytes,
                                                    header.alignment);
    }
    static void* VKAPI_CALL reallocate(void*, void*, std::size_t, std::size_t, VkSystemAllocationScope) {
        fuzz::fail("pfnReallocation is called");
    }
    static_assert(sizeof(Header) <= alignof(std::max_align_t));
};

template <class Handle>
Handle some() { // the stub takes any handle but null
    return (Handle)uintptr_t{1};
}

void expect(SacResult result, const SacError& error, std::initializer_list<SacResult> allowed) {
    for (const SacResult one : allowed)
        if (result == one && result == error.result)
            return;
    fuzz::fail("%s, error %s: %s", sacResultString(result), sacResultString(error.result), error.message);
}

// What the file says of a plan.
struct Request {
    std::vector<std::string> names;
    std::vector<SacTensorDesc> inputs, outputs;
    std::string options;

    explicit Request(const Safetensors& file) {
        names.reserve(file.tensors().size()); // their texts stay where they are
        for (const TensorView& tensor : file.tensors()) {
            const bool input = tensor.name.starts_with("in."), output = tensor.name.starts_with("out.");
            if (!input && !output)
                continue;
            names.emplace_back(tensor.name.substr(input ? 3 : 4));
            SacTensorDesc desc = sac::make<SacTensorDesc>();
            desc.name = names.back().c_str();
            // A float tensor stands for what the module takes by default, also where that is something else.
            const SacDataType type = publicType(tensor.type);
            desc.dataType = type == SAC_DATA_TYPE_FLOAT32 ? SAC_DATA_TYPE_DEFAULT : type;
            desc.rank = static_cast<uint32_t>(tensor.shape.size());
            std::copy(tensor.shape.begin(), tensor.shape.end(), desc.shape);
            if (input) {
                desc.hostData = tensor.data;
                desc.hostDataSize = tensor.bytes;
            }
            (input ? inputs : outputs).push_back(desc);
        }
        options = file.metadata("options").value_or("");
    }
};

SacBufferRange rangeOf(SacPlan plan, SacMemoryKind kind) {
    SacMemoryRequirements needed = sac::make<SacMemoryRequirements>();
    SacError error{};
    expect(sacGetPlanMemory(plan, kind, &needed, &error), error, {SAC_SUCCESS});
    if (needed.size == 0)
        return {};
    return {fuzz::stubBuffer(needed.size), 0, needed.size};
}

// Everything a plan answers, asked for.
std::vector<SacTensorInfo> tensorsOf(SacPlan plan) {
    SacError error{};
    uint32_t count = 0;
    expect(sacGetPlanTensors(plan, &count, nullptr, &error), error, {SAC_SUCCESS});
    std::vector<SacTensorInfo> tensors(count, sac::make<SacTensorInfo>());
    expect(sacGetPlanTensors(plan, &count, tensors.data(), &error), error, {SAC_SUCCESS});
    count = 0;
    expect(sacGetPlanMemoryParts(plan, &count, nullptr, &error), error, {SAC_SUCCESS});
    std::vector<SacMemoryPart> parts(count, sac::make<SacMemoryPart>());
    expect(sacGetPlanMemoryParts(plan, &count, parts.data(), &error), error, {SAC_SUCCESS});
    for (const SacMemoryPart& part : parts) {
        SacMemoryRequirements needed = sac::make<SacMemoryRequirements>();
        expect(sacGetPlanMemory(plan, part.kind, &needed, &error), error, {SAC_SUCCESS});
        if (part.offset > needed.size || part.size > needed.size - part.offset)
            fuzz::fail("part %s lies outside of its memory", part.name);
    }
    return tensors;
}

void record(SacPlan plan, bool conditional) {
    SacError error{};
    const std::vector<SacTensorInfo> tensors = tensorsOf(plan);
    SacUploadInfo upload = sac::make<SacUploadInfo>();
    upload.weights = rangeOf(plan, SAC_MEMORY_WEIGHTS);
    upload.tables = rangeOf(plan, SAC_MEMORY_TABLES);
    upload.workspace = rangeOf(plan, SAC_MEMORY_WORKSPACE);
    upload.parameters = rangeOf(plan, SAC_MEMORY_PARAMETERS);
    upload.staging = rangeOf(plan, SAC_MEMORY_STAGING);
    if (upload.staging.size <= byteLimit) {
        std::vector<std::byte> staging(upload.staging.size);
        expect(sacWriteWeights(plan, 0, staging.size(), staging.data(), &error), error, {SAC_SUCCESS});
    }
    expect(sacCmdUpload(plan, some<VkCommandBuffer>(), &upload, &error), error, {SAC_SUCCESS});

    std::vector<SacTensorBinding> bindings;
    for (uint32_t i = 0; i < tensors.size(); ++i) {
        if (tensors[i].flags & SAC_TENSOR_HOST_BIT)
            continue;
        SacTensorBinding& binding = bindings.emplace_back(sac::make<SacTensorBinding>());
        binding.tensor = i;
        binding.buffer = {fuzz::stubBuffer(tensors[i].size), 0, tensors[i].size};
    }
    SacRunInfo run = sac::make<SacRunInfo>();
    run.weights = upload.weights;
    run.tables = upload.tables;
    run.workspace = upload.workspace;
    run.parameters = upload.parameters;
    run.state = rangeOf(plan, SAC_MEMORY_STATE);
    run.bindingCount = static_cast<uint32_t>(bindings.size());
    run.bindings = bindings.data();
    if (conditional)
        run.enable = run.reset = {fuzz::stubBuffer(4), 0, 4};
    for (run.batch = 0; run.batch < 2; ++run.batch) {
        run.flags = run.batch ? SAC_RUN_RESET_STATE_BIT : 0;
        expect(sacCmdRun(plan, some<VkCommandBuffer>(), &run, &error), error, {SAC_SUCCESS});
    }
    if (fuzz::stubDispatches() == 0)
        fuzz::fail("a run without a dispatch");
}

void planAndRecord(SacModel model, const Safetensors& file, uint32_t knobs) {
    const Request request(file);
    SacPlanInfo info = sac::make<SacPlanInfo>();
    info.inputCount = static_cast<uint32_t>(request.inputs.size());
    info.inputs = request.inputs.data();
    info.outputCount = static_cast<uint32_t>(request.outputs.size());
    info.outputs = request.outputs.data();
    info.options = request.options.empty() ? nullptr : request.options.c_str();
    info.precision = knobs & 0x08 ? SAC_PRECISION_FLOAT16_IF_SUPPORTED : SAC_PRECISION_FLOAT32;
    SacPositionBiasInfo bias = sac::make<SacPositionBiasInfo>();
    bias.mode = knobs & 0x10 ? SAC_POSITION_BIAS_MODE_EXACT : SAC_POSITION_BIAS_MODE_AUTO;
    bias.tableLimit = 1 << 16; // choosing a large table takes long, and always the same way
    info.pNext = &bias;
    const bool conditional = knobs & 0x20;
    info.flags = (conditional ? SAC_PLAN_CONDITIONAL_BIT | SAC_PLAN_CONDITIONAL_RESET_BIT : 0) |
                 (knobs & 0x40 ? SAC_PLAN_NO_ALIASING_BIT : 0);
    SacPlan plan = nullptr;
    SacError error{};
    const SacResult result = sacCreatePlan(model, &info, &plan, &error);
    expect(result, error,
           {SAC_SUCCESS, SAC_ERROR_INVALID_ARGUMENT, SAC_ERROR_INVALID_CONFIG, SAC_ERROR_INVALID_WEIGHTS,
            SAC_ERROR_UNSUPPORTED});
    if (result == SAC_SUCCESS)
        record(plan, conditional);
    else if (plan)
        fuzz::fail("a plan in spite of %s", error.message);
    sacDestroyPlan(plan);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::vector<uint8_t> bytes(data, data + size); // a heap block of this size: AddressSanitizer sees its end
    fuzz::BoundedMemory memory(hostLimit);
    std::optional<Safetensors> file;
    uint32_t knobs = 0;
    try {
        file.emplace(std::as_bytes(std::span(bytes)), &memory);
        const std::string_view text = file->metadata("fuzz").value_or("");
        std::from_chars(text.data(), text.data() + text.size(), knobs);
    } catch (const Error&) {
    }
    const fuzz::StubDevice device = deviceOf(knobs);
    fuzz::startStub(device);
    Host host;
    SacError error{};
    SacContextInfo contextInfo = sac::make<SacContextInfo>();
    contextInfo.getInstanceProcAddr = fuzz::stubInstanceProcAddr;
    contextInfo.instance = some<VkInstance>();
    contextInfo.physicalDevice = some<VkPhysicalDevice>();
    contextInfo.device = some<VkDevice>();
    contextInfo.enabledFeatures = (device.pushDescriptors ? SAC_FEATURE_PUSH_DESCRIPTOR_BIT : 0) |
                                  (device.storage16Bit ? SAC_FEATURE_STORAGE_16BIT_BIT : 0);
    contextInfo.allocator = &host.callbacks;
    SacContext context = nullptr;
    expect(sacCreateContext(&contextInfo, &context, &error), error, {SAC_SUCCESS});

    SacModelInfo modelInfo = sac::make<SacModelInfo>();
    modelInfo.data = bytes.data();
    modelInfo.size = bytes.size();
    SacModel model = nullptr;
    const SacResult result = sacCreateModel(context, &modelInfo, &model, &error);
    expect(result, error,
           {SAC_SUCCESS, SAC_ERROR_INVALID_ARGUMENT, SAC_ERROR_MALFORMED_FILE, SAC_ERROR_INVALID_CONFIG,
            SAC_ERROR_INVALID_WEIGHTS, SAC_ERROR_UNSUPPORTED});
    if (result == SAC_SUCCESS && !file)
        fuzz::fail("a model of a malformed file");
    if (result == SAC_SUCCESS)
        planAndRecord(model, *file, knobs);
    else if (model)
        fuzz::fail("a model in spite of %s", error.message);
    sacDestroyModel(model);
    sacDestroyContext(context);
    fuzz::endStub();
    return 0;
}
