// SPDX-License-Identifier: Apache-2.0
#include "bench_ops.hpp"

#include <cstring>

#include "api/objects.hpp"
#include "graph/graph.hpp"
#include "graph/planner.hpp"
#include "host/buffer.hpp"
#include "kernels/attention.hpp"
#include "kernels/conv.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/gemm.hpp"
#include "kernels/group_norm.hpp"
#include "kernels/reduce.hpp"
#include "kernels/warp.hpp"
#include "random_tensors.hpp"
#include "record/program.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

/// One kernel over buffers of random numbers.
class OpRunner {
public:
    /// Operand i of `kernel` is an F32 buffer of elements[i]; 0: the kernel does not use it.
    OpRunner(const host::Context& context, const char* label, const Kernel& kernel,
             const std::vector<uint64_t>& elements)
        : device_(context.device()), submitter_(device_),
          graph_(context.get()->device.memory, context.get()->device.profile.minStorageBufferOffsetAlignment),
          dispatches_(context.get()->device.memory),
          program_(context.get()->device, context.get()->pipelines, dispatches_) {
        FixedVector<TensorId, 12> operands;
        RandomTensors random(2022);
        for (const uint64_t count : elements) {
            if (count == 0) {
                operands.push_back(noTensor);
                continue;
            }
            operands.push_back(graph_.external("operand", DataType::f32, {count}));
            operands_.push_back(makeBuffer(count * sizeof(float), BufferFill::random, random));
            bytes_ += count * sizeof(float);
        }
        graph_.add(label, kernel, operands);
        workspace_ = makeBuffer(planMemory(graph_, Sharing::bytes), BufferFill::none, random);
        planBarriers(graph_);
        parameters_ = host::Buffer(device_, graph_.parameterBytes(), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
                                   host::BufferMemory::upload);
        graph_.writeParameters(parameters_.mapped());
        dispatches_.build(graph_, Phase::run, 1, context.get()->device.profile);
        saccade::Progress progress;
        program_.compile(1, progress);
    }

    host::Timing run() {
        std::vector<External> externals;
        for (const host::Buffer& buffer : operands_)
            externals.push_back({{buffer.handle(), 0}});
        Buffers buffers;
        buffers.of(MemoryKind::workspace) = {workspace_.handle(), 0};
        buffers.of(MemoryKind::parameters) = {parameters_.handle(), 0};
        buffers.externals = externals;
        return submitter_.run([&](VkCommandBuffer commandBuffer) {
            host::fullBarrier(commandBuffer);
            program_.record(commandBuffer, buffers, 1);
        });
    }

    uint64_t bytes() const { return bytes_; }

private:
    enum class BufferFill { none, random };

    host::Buffer makeBuffer(VkDeviceSize size, BufferFill fill, RandomTensors& random) {
        constexpr VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
        host::Buffer buffer(device_, size, usage, host::BufferMemory::device);
        if (fill == BufferFill::none)
            return buffer;
        const host::Buffer staging(device_, size, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, host::BufferMemory::upload);
        const host::Tensor values = random.uniform({size / sizeof(float)}, 1);
        std::memcpy(staging.mapped().data(), values.data.data(), values.data.size());
        submitter_.run([&](VkCommandBuffer commandBuffer) {
            const VkBufferCopy copy{0, 0, size};
            vkCmdCopyBuffer(commandBuffer, staging.handle(), buffer.handle(), 1, &copy);
        });
        return buffer;
    }

    const host::Device& device_;
    host::Submitter submitter_;
    Graph graph_;
    DispatchList dispatches_;
    Program program_;
    std::vector<host::Buffer> operands_;
    host::Buffer workspace_, parameters_;
    uint64_t bytes_ = 0;
};

OpMeasurement measureOp(const host::Context& context, const char* name, const char* shape, const Kernel& kernel,
                        const std::vector<uint64_t>& elements, uint32_t repeats) {
    OpRunner runner(context, name, kernel, elements);
    OpMeasurement m;
    m.name = name;
    m.shape = shape;
    m.flops = kernel.flops;
    m.bytes = runner.bytes();
    m.times = repeat(repeats, [&runner] { return runner.run(); });
    return m;
}

OpMeasurement measureAttention(const host::Context& context, uint32_t repeats) {
    AttentionDesc desc;
    desc.heads = desc.kvHeads = 8;
    desc.queries = 4096;
    desc.keys = 256;
    desc.headDim = desc.valueDim = 64;
    desc.scale = 0.125f;
    const uint32_t width = desc.heads * desc.headDim;
    desc.q = desc.out = AttentionView::tokens(desc.queries, width, desc.headDim);
    desc.k = desc.v = AttentionView::tokens(desc.keys, width, desc.headDim);
    const uint64_t queryElements = uint64_t{desc.queries} * width;
    const uint64_t keyElements = uint64_t{desc.keys} * width;
    return measureOp(context, "attention", "8 heads of 64, 4096 queries, 256 keys",
                     attentionKernel(desc, context.get()->device.profile),
                     {queryElements, keyElements, keyElements, queryElements, 0, 0, 0, 0, 0, 0, 0, 0}, repeats);
}

OpMeasurement measureGemm(const host::Context& context, uint32_t repeats) {
    GemmDesc desc;
    desc.rows = 4096;
    desc.columns = 512;
    desc.depth = 512;
    return measureOp(
        context, "gemm", "4096 x 512 x 512", gemm(desc, context.get()->device.profile),
        {uint64_t{desc.rows} * desc.depth, gemmWeightElements(desc), 0, 0, uint64_t{desc.rows} * desc.columns},
        repeats);
}

OpMeasurement measureConv(const host::Context& context, uint32_t repeats) {
    ConvDesc desc;
    desc.channels = desc.outputs = 64;
    desc.size = desc.outSize = {1, 256, 256};
    desc.kernel = {1, 3, 3};
    desc.padding = {0, 1, 1};
    const uint64_t elements = uint64_t{256} * 256 * 64;
    return measureOp(context, "conv", "3 x 3, 64 to 64 channels, 256 x 256", conv(desc, context.get()->device.profile),
                     {elements, convWeightElements(desc), 0, 0, elements}, repeats);
}

// Of 16 Mi elements, 64 MiB an operand.
OpMeasurement measureElementwise(const host::Context& context, ElementwiseOp op, uint32_t repeats) {
    constexpr uint32_t elements = 1u << 24;
    ElementwiseDesc desc;
    desc.op = op;
    desc.size = {1, 1, 1, 1, 1, elements};
    desc.a = desc.b = desc.result = StridedView::dense(desc.size);
    const bool copies = op == ElementwiseOp::copy;
    return measureOp(context, copies ? "copy" : "add", "64 MiB", elementwiseKernel(desc, context.get()->device.profile),
                     {elements, copies ? 0u : elements, 0, elements}, repeats);
}

OpMeasurement measureSoftmax(const host::Context& context, uint32_t repeats) {
    ReduceDesc desc;
    desc.kind = Reduction::softmax;
    desc.size = {1, 1, 1, 256, 256, 64};
    desc.source = desc.result = StridedView::dense(desc.size);
    const uint64_t elements = elementCount(desc.size);
    return measureOp(context, "softmax", "256 x 256, 64 channels", reduceKernel(desc, context.get()->device.profile),
                     {elements, elements}, repeats);
}

OpMeasurement measureGroupNorm(const host::Context& context, uint32_t repeats) {
    GroupNormDesc desc;
    desc.tokens = 256 * 256;
    desc.channels = 64;
    desc.groups = 8;
    const uint64_t elements = uint64_t{desc.tokens} * desc.channels;
    return measureOp(context, "group_norm", "256 x 256, 64 channels in 8 groups",
                     groupNormKernel(desc, context.get()->device.profile),
                     {elements, elements, desc.channels, desc.channels}, repeats);
}

// A renderer's image of three channels.
template <class Desc>
uint64_t setImage(Desc& desc, uint32_t rows, uint32_t columns) {
    desc.rows = rows;
    desc.columns = columns;
    desc.channels = 3;
    desc.source = desc.result = StridedView::dense({1, 1, 1, desc.rows, desc.columns, desc.channels});
    return uint64_t{desc.rows} * desc.columns;
}

OpMeasurement measureApplyKernels(const host::Context& context, uint32_t repeats) {
    ApplyKernelsDesc desc;
    desc.size = 5;
    desc.normalization = KernelNormalization::softmax;
    const uint64_t pixels = setImage(desc, 720, 1280);
    desc.kernels = StridedView::dense({1, 1, 1, desc.rows, desc.columns, desc.size * desc.size});
    return measureOp(context, "apply_kernels", "1280 x 720, 3 channels, 5 x 5",
                     applyKernelsKernel(desc, context.get()->device.profile),
                     {pixels * 3, pixels * desc.size * desc.size, pixels * 3}, repeats);
}

OpMeasurement measureWarp(const host::Context& context, uint32_t repeats) {
    WarpDesc desc;
    const uint64_t pixels = setImage(desc, 1080, 1920);
    desc.motion = StridedView::dense({1, 1, 1, desc.rows, desc.columns, 2});
    return measureOp(context, "warp", "1920 x 1080, 3 channels", warpKernel(desc, context.get()->device.profile),
                     {pixels * 3, pixels * 2, pixels * 3}, repeats);
}

} // namespace

std::vector<OpMeasurement> measureOps(const host::Context& context, uint32_t repeats) {
    return {measureAttention(context, repeats),
            measureGemm(context, repeats),
            measureConv(context, repeats),
            measureElementwise(context, ElementwiseOp::copy, repeats),
            measureElementwise(context, ElementwiseOp::add, repeats),
            measureSoftmax(context, repeats),
            measureGroupNorm(context, repeats),
            measureApplyKernels(context, repeats),
            measureWarp(context, repeats)};
}

void printOps(const std::vector<OpMeasurement>& measurements) {
    TextTable table({"kernel", "shape", "median ms", "min ms", "runs", "GFLOP/s", "GB/s"});
    table.leftColumns(2);
    for (const OpMeasurement& m : measurements)
        table.add({m.name, m.shape, format("%.3f", m.times.median), format("%.3f", m.times.minimum),
                   std::to_string(m.times.repeats),
                   format("%.1f", static_cast<double>(m.flops) * 1e-6 / m.times.median),
                   format("%.2f", static_cast<double>(m.bytes) * 1e-6 / m.times.median)});
    table.print();
}

nlohmann::json toJson(const OpMeasurement& m) {
    return {{"kernel", m.name},
            {"shape", m.shape},
            {"median_ms", m.times.median},
            {"min_ms", m.times.minimum},
            {"repeats", m.times.repeats},
            {"flops", m.flops},
            {"bytes", m.bytes},
            {"gflops_per_second", static_cast<double>(m.flops) * 1e-6 / m.times.median},
            {"gbytes_per_second", static_cast<double>(m.bytes) * 1e-6 / m.times.median}};
}

} // namespace saccade::cli
