// SPDX-License-Identifier: Apache-2.0
#include "support/kernel_runner.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "api/public_names.hpp"
#include "graph/planner.hpp"
#include "host/buffer.hpp"
#include "record/program.hpp"
#include "reference/compare.hpp"
#include "support/plan_buffers.hpp"
#include "vulkan/profile_query.hpp"

namespace saccade::test {

namespace {

constexpr std::size_t guardBytes = 256;
constexpr std::byte guard{0xab};

reference::Tensor flat(std::vector<double> values) {
    reference::Tensor tensor;
    tensor.shape = {static_cast<int64_t>(values.size())};
    tensor.data = std::move(values);
    return tensor;
}

bool isWritten(const Kernel& kernel, uint32_t operand) {
    return std::any_of(kernel.dispatches.begin(), kernel.dispatches.end(), [&](const Dispatch& dispatch) {
        return std::any_of(dispatch.bindings.begin(), dispatch.bindings.end(),
                           [&](const OperandUse& use) { return use.operand == operand && use.access != Access::read; });
    });
}

} // namespace

double rounded(double value, DataType type) {
    const reference::Tensor one = flat({value});
    return decode(encode(one, publicType(type)).data(), publicType(type), one.shape).data[0];
}

double relativeError(const std::vector<double>& result, const std::vector<double>& expected) {
    return reference::relativeError(flat(result), flat(expected));
}

KernelTest::KernelTest() {
    const host::Device& host = device();
    device_.handle = host.handle();
    device_.pipelineCache = host.pipelineCache();
    InstanceTable vk;
    vk.load(vkGetInstanceProcAddr, host.instance().handle());
    device_.profile = queryProfile(vk, host.physical().handle, &memory_);
    device_.vk.load(vk, host.handle());
    device_.profile.pushDescriptors = (host.features() & SAC_FEATURE_PUSH_DESCRIPTOR_BIT) != 0;
    device_.profile.storageBuffer16BitAccess = (host.features() & SAC_FEATURE_STORAGE_16BIT_BIT) != 0;
    if (host.profile())
        device_.profile = checkedProfile(*host.profile(), &device_.profile);
    pipelines_ = std::make_unique<PipelineLibrary>(device_);
}

DeviceProfile KernelTest::gpuProfile() const {
    DeviceProfile gpu = profile();
    gpu.kind = SAC_DEVICE_KIND_GPU;
    gpu.maxComputeSharedMemorySize = 16384;
    gpu.maxComputeWorkGroupInvocations = 128;
    return gpu;
}

void KernelTest::run(const Kernel& kernel, const std::vector<Operand*>& operands) {
    Graph graph(&memory_, device_.profile.minStorageBufferOffsetAlignment);
    std::vector<TensorId> ids;
    std::vector<host::Buffer> buffers;
    std::vector<External> bases;
    std::vector<std::vector<std::byte>> sent;
    const auto mapped = [](std::size_t bytes) {
        return host::Buffer(device(), bytes, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, host::BufferMemory::readback);
    };
    for (std::size_t i = 0; i < operands.size(); ++i) {
        if (!operands[i]) {
            ids.push_back(noTensor);
            continue;
        }
        const std::size_t first = std::ranges::find(operands, operands[i]) - operands.begin();
        if (first < i) {
            ids.push_back(ids[first]);
            continue;
        }
        const Operand& operand = *operands[i];
        ids.push_back(graph.external(std::to_string(i), operand.type, {operand.values.size()}));
        sent.push_back(encode(flat(operand.values), publicType(operand.type)));
        buffers.push_back(mapped(sent.back().size() + guardBytes));
        std::ranges::fill(buffers.back().mapped(), guard);
        std::ranges::copy(sent.back(), buffers.back().mapped().begin());
        bases.push_back({{buffers.back().handle(), 0}});
    }
    graph.add("kernel", kernel, ids);
    const uint64_t workspaceBytes = planMemory(graph, Sharing::bytes);
    planBarriers(graph);
    const host::Buffer workspace = mapped(workspaceBytes);
    std::ranges::fill(workspace.mapped(), std::byte{0xff});
    const host::Buffer parameters(device(), graph.parameterBytes(), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
                                  host::BufferMemory::upload);
    graph.writeParameters(parameters.mapped());

    DispatchList list(&memory_);
    list.build(graph, Phase::run, 1, device_.profile);
    Progress progress;
    Program program(device_, *pipelines_, list);
    program.compile(1, progress);
    Buffers bound;
    bound.of(MemoryKind::workspace) = {workspace.handle(), 0};
    bound.of(MemoryKind::parameters) = {parameters.handle(), 0};
    bound.externals = bases;
    submit([&](VkCommandBuffer commandBuffer) {
        program.record(commandBuffer, bound, 1);
        host::fullBarrier(commandBuffer);
    });

    std::size_t buffer = 0;
    for (uint32_t i = 0; i < operands.size(); ++i) {
        if (!operands[i] || std::ranges::find(operands, operands[i]) - operands.begin() < i)
            continue;
        const std::span<std::byte> bytes = buffers[buffer].mapped();
        const std::span<std::byte> contents = bytes.first(sent[buffer].size());
        EXPECT_TRUE(std::ranges::all_of(bytes.subspan(contents.size()), [](std::byte b) { return b == guard; }))
            << "a write behind operand " << i;
        bool written = false;
        for (uint32_t j = i; j < operands.size(); ++j)
            written = written || (operands[j] == operands[i] && isWritten(kernel, j));
        if (!written) {
            EXPECT_TRUE(std::ranges::equal(contents, sent[buffer])) << "a write to operand " << i;
        } else {
            const Operand& operand = *operands[i];
            operands[i]->values =
                decode(contents.data(), publicType(operand.type), {static_cast<int64_t>(operand.values.size())}).data;
        }
        ++buffer;
    }
}

} // namespace saccade::test
