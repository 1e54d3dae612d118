// SPDX-License-Identifier: Apache-2.0
// The synchronization contract as data: what it says of plans of every kind, and that barriers made of nothing else
// are enough.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "refused.hpp"
#include "support/golden.hpp"
#include "support/image.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

constexpr VkPipelineStageFlags compute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
constexpr VkPipelineStageFlags transfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkPipelineStageFlags indirect = VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT;
constexpr VkAccessFlags shaderRead = VK_ACCESS_SHADER_READ_BIT;
constexpr VkAccessFlags shaderWrite = VK_ACCESS_SHADER_WRITE_BIT;
constexpr VkAccessFlags uniformRead = VK_ACCESS_UNIFORM_READ_BIT;
constexpr VkAccessFlags transferRead = VK_ACCESS_TRANSFER_READ_BIT;
constexpr VkAccessFlags transferWrite = VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkAccessFlags indirectRead = VK_ACCESS_INDIRECT_COMMAND_READ_BIT;
constexpr VkAccessFlags writes = shaderWrite | transferWrite;

struct Use {
    VkPipelineStageFlags stages = 0;
    VkAccessFlags access = 0;
    VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED;

    friend bool operator==(const Use&, const Use&) = default;
    friend void PrintTo(const Use& use, std::ostream* out) {
        *out << std::hex << "stages 0x" << use.stages << ", access 0x" << use.access << std::dec << ", layout "
             << use.layout;
    }
};
// By "weights" and so on, the name of a tensor, or "enable".
using Uses = std::map<std::string, Use>;

constexpr const char* kindNames[] = {"weights", "tables", "workspace", "state", "parameters", "staging"};

std::string nameOf(const Plan& plan, const SacResourceAccess& access) {
    switch (access.type) {
    case SAC_RESOURCE_TYPE_MEMORY:
        return kindNames[access.index];
    case SAC_RESOURCE_TYPE_TENSOR:
        return plan.tensors()[access.index].name;
    default:
        EXPECT_EQ(access.type, SAC_RESOURCE_TYPE_ENABLE);
        EXPECT_EQ(access.index, 0u);
        return "enable";
    }
}

Uses usesOf(const Plan& plan, SacCommand command) {
    Uses out;
    std::pair<int, uint32_t> previous{-1, 0};
    for (const SacResourceAccess& access : plan.access(command)) {
        const std::pair<int, uint32_t> place{access.type, access.index};
        EXPECT_LT(previous, place) << "out of order";
        previous = place;
        out[nameOf(plan, access)] = {access.stages, access.access, access.layout};
    }
    return out;
}

// A plan of each kind, and its part of the table in saccade.h's synchronization contract.
struct Case {
    const char* name;
    const char* file;
    void (*change)(sac::PlanBuilder&);
    Uses upload, run;
    /// Of a run: without a barrier of its own validation reports a hazard. What is missing here is behind one of the
    /// library's own barriers, which cover all memory.
    std::set<std::string> noticed;
};

const Use copied{transfer, transferRead};
const Use parametersWritten{transfer, transferWrite};
const Use parametersUsed{transfer | compute, transferWrite | uniformRead}; ///< of an upload that builds tables
const Use parameters{compute, uniformRead};
const Use read{compute, shaderRead};
const Use written{compute, shaderWrite};
const Use both{compute, shaderRead | shaderWrite};

void withCache(sac::PlanBuilder& d) {
    d.input("offset", {1}, SAC_DATA_TYPE_INT32);
    d.info.options = "{\"cache\": true}";
}

void conditional(sac::PlanBuilder& d) { d.info.flags = SAC_PLAN_CONDITIONAL_BIT; }

const Case cases[] = {
    {"aTable",
     "deformable_1d_2",
     [](sac::PlanBuilder& d) { d.positionBias(SAC_POSITION_BIAS_MODE_TABLE); },
     {{"staging", copied},
      {"weights", {transfer | compute, transferWrite | shaderRead}},
      {"tables", written},
      {"parameters", parametersUsed}},
     {{"weights", read},
      {"tables", read},
      {"workspace", both},
      {"parameters", parameters},
      {"x", read},
      {"y", written},
      {"vgrid", written}},
     {"tables", "workspace", "x", "y"}},
    {"noTable",
     "deformable_1d_2",
     [](sac::PlanBuilder& d) { d.positionBias(SAC_POSITION_BIAS_MODE_EXACT); },
     {{"staging", copied}, {"weights", {transfer, transferWrite}}, {"parameters", parametersWritten}},
     {{"weights", read},
      {"workspace", both},
      {"parameters", parameters},
      {"x", read},
      {"y", written},
      {"vgrid", written}},
     {"workspace", "x", "y"}},
    {"noWeights",
     "grid_sample_0",
     [](sac::PlanBuilder&) {},
     {{"parameters", parametersWritten}},
     {{"parameters", parameters}, {"x", read}, {"grid", read}, {"y", written}},
     {"x", "grid", "y"}},
    {"conditional",
     "grid_sample_0",
     conditional,
     {{"parameters", parametersWritten}},
     {{"workspace", {compute | indirect, shaderWrite | indirectRead}},
      {"parameters", parameters},
      {"x", read},
      {"grid", read},
      {"y", written},
      {"enable", read}},
     {"workspace", "x", "grid", "y", "enable"}},
    {"stateAndAValue",
     "dalle_attention_4",
     withCache,
     {{"staging", copied}, {"weights", {transfer, transferWrite}}, {"parameters", parametersWritten}},
     {{"weights", read},
      {"workspace", {transfer | compute, transferWrite | shaderRead | shaderWrite}},
      {"state", both},
      {"parameters", parameters},
      {"x", read},
      {"rotary_pos_emb", read},
      {"offset", read},
      {"y", written}},
     {"workspace", "rotary_pos_emb", "y"}},
};

class PlanAccess : public GpuTest {
protected:
    // Calls `check` with the plan of a case.
    template <class Check>
    void withPlan(const Case& each, const Check& check) {
        SCOPED_TRACE(each.name);
        const GoldenCase golden(std::string(SACCADE_TEST_DATA "/golden/") + each.file + ".safetensors");
        const Model model(context, golden.bytes);
        sac::PlanBuilder description;
        golden.describe(description);
        each.change(description);
        check(Plan(model, description), golden);
    }

    Context context{device()};
};

TEST_F(PlanAccess, isThePlansPartOfTheTable) {
    for (const Case& each : cases)
        withPlan(each, [&](const Plan& plan, const GoldenCase&) {
            EXPECT_EQ(usesOf(plan, SAC_COMMAND_UPLOAD), each.upload);
            EXPECT_EQ(usesOf(plan, SAC_COMMAND_RUN), each.run);
        });
}

// The whole table, which no plan exceeds.
struct Row {
    Use upload, run;
};
const std::map<std::string, Row> table = {
    {"staging", {copied, {}}},
    {"weights", {{transfer | compute, transferWrite | shaderRead}, read}},
    {"tables", {both, read}},
    {"state", {{}, both}},
    {"parameters", {parametersUsed, parameters}},
    {"workspace", {both, both}},
    {"workspace with a value", {both, {compute | transfer, both.access | transferWrite}}},
    {"workspace of a conditional plan", {both, {compute | indirect, both.access | indirectRead}}},
    {"enable", {{}, read}},
    {"input", {{}, read}},
    {"output", {{}, both}},
};

TEST_F(PlanAccess, isNoMoreThanTheTable) {
    for (const Case& each : cases)
        withPlan(each, [&](const Plan& plan, const GoldenCase&) {
            for (const SacCommand command : {SAC_COMMAND_UPLOAD, SAC_COMMAND_RUN})
                for (const SacResourceAccess& access : plan.access(command)) {
                    std::string row = nameOf(plan, access);
                    SCOPED_TRACE(row);
                    if (access.type == SAC_RESOURCE_TYPE_TENSOR)
                        row = plan.tensors()[access.index].flags & SAC_TENSOR_OUTPUT_BIT ? "output" : "input";
                    else if (row == "workspace" && each.change == withCache)
                        row += " with a value";
                    else if (row == "workspace" && each.change == conditional)
                        row += " of a conditional plan";
                    const Use& most = command == SAC_COMMAND_UPLOAD ? table.at(row).upload : table.at(row).run;
                    EXPECT_EQ(access.stages & ~most.stages, 0u);
                    EXPECT_EQ(access.access & ~most.access, 0u);
                }
        });
}

// Each memory that the plan needs is listed, and no other; usages agree.
TEST_F(PlanAccess, agreesWithTheMemory) {
    for (const Case& each : cases)
        withPlan(each, [&](const Plan& plan, const GoldenCase&) {
            Uses all = usesOf(plan, SAC_COMMAND_UPLOAD);
            for (const auto& [name, use] : usesOf(plan, SAC_COMMAND_RUN)) {
                all[name].stages |= use.stages;
                all[name].access |= use.access;
            }
            for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind) {
                SCOPED_TRACE(kindNames[kind]);
                const SacMemoryRequirements memory = plan.memory(static_cast<SacMemoryKind>(kind));
                const auto found = all.find(kindNames[kind]);
                ASSERT_EQ(found != all.end(), memory.size != 0);
                if (found == all.end())
                    continue;
                const auto agrees = [&](VkAccessFlags access, VkBufferUsageFlags usage) {
                    EXPECT_EQ((found->second.access & access) != 0, (memory.usage & usage) != 0) << access;
                };
                agrees(shaderRead | shaderWrite, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
                agrees(uniformRead, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT);
                agrees(transferRead, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
                agrees(transferWrite, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
                agrees(indirectRead, VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT);
            }
        });
}

TEST_F(PlanAccess, wrongArgumentsAreNamed) {
    withPlan(cases[0], [&](const Plan& plan, const GoldenCase&) {
        std::vector<SacResourceAccess> accesses(8, sac::make<SacResourceAccess>());
        uint32_t count = 1;
        SacError error = unsetError();
        constexpr SacResult invalid = SAC_ERROR_INVALID_ARGUMENT;
        const auto ask = [&](SacPlan of, SacCommand command, uint32_t* capacity) {
            error = unsetError();
            return sacGetPlanAccess(of, command, capacity, accesses.data(), &error);
        };
        expectRefused(ask(nullptr, SAC_COMMAND_RUN, &count), error, invalid, "plan is null");
        expectRefused(ask(plan, static_cast<SacCommand>(2), &count), error, invalid, "command is 2");
        expectRefused(ask(plan, SAC_COMMAND_RUN, nullptr), error, invalid, "count is null");
        expectRefused(ask(plan, SAC_COMMAND_RUN, &count), error, invalid, "*count is 1, there are 7 accesses");
        count = 8;
        accesses[2].sType = SAC_STRUCTURE_TYPE_RUN_INFO;
        expectRefused(ask(plan, SAC_COMMAND_RUN, &count), error, invalid, "accesses[2]");
    });
}

// ---- A render graph that knows nothing of the library but what sacGetPlanAccess answers ----

// A buffer or an image, and what was done with it last.
struct Resource {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkImage image = VK_NULL_HANDLE;
    std::optional<Use> last{};
};

class RenderGraph {
public:
    std::map<std::string, Resource> resources;
    std::string forgotten; ///< the resource that gets no barrier

    // Barriers from what was done last with each resource to what is done now.
    void use(VkCommandBuffer commandBuffer, const Uses& uses) {
        std::vector<VkBufferMemoryBarrier> buffers;
        std::vector<VkImageMemoryBarrier> images;
        VkPipelineStageFlags from = 0, to = 0;
        for (const auto& [name, now] : uses) {
            Resource& resource = resources.at(name);
            const std::optional<Use> before = std::exchange(resource.last, now);
            if (!before || name == forgotten)
                continue;
            from |= before->stages;
            to |= now.stages;
            if (resource.image)
                images.push_back({VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER, nullptr, before->access & writes, now.access,
                                  before->layout, now.layout, VK_QUEUE_FAMILY_IGNORED, VK_QUEUE_FAMILY_IGNORED,
                                  resource.image, VkImageSubresourceRange{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}});
            else
                buffers.push_back({VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER, nullptr, before->access & writes,
                                   now.access, VK_QUEUE_FAMILY_IGNORED, VK_QUEUE_FAMILY_IGNORED, resource.buffer, 0,
                                   VK_WHOLE_SIZE});
        }
        if (from)
            vkCmdPipelineBarrier(commandBuffer, from, to, 0, 0, nullptr, static_cast<uint32_t>(buffers.size()),
                                 buffers.data(), static_cast<uint32_t>(images.size()), images.data());
    }
};

// The layout that `uses` want of an image, for transfers and not for shaders.
void leaveInLayout(VkCommandBuffer commandBuffer, RenderGraph& graph, const Uses& uses, const std::string& name) {
    const std::string forgotten = std::exchange(graph.forgotten, {});
    graph.use(commandBuffer, {{name, {transfer, transferRead, uses.at(name).layout}}});
    graph.forgotten = forgotten;
}

const Use filled{transfer, transferWrite};
constexpr VkBufferUsageFlags copies = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

// One command buffer: everything is written by copies, the plan is uploaded and run twice, its inputs and its number
// written anew in between, and the result copied out.
class Frame {
public:
    Frame(const host::Device& device, const Plan& plan, const GoldenCase& golden)
        : plan_(plan), buffers_(device, plan, copies),
          enable_(device, 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | copies, host::BufferMemory::readback),
          result_(device, buffers_.mapped("y").size(), copies, host::BufferMemory::readback) {
        for (const auto& [name, values] : golden.inputs) {
            buffers_.write(name, values);
            const auto bytes = buffers_.mapped(name);
            spares_.emplace(name, host::Buffer(device, bytes.size(), copies, host::BufferMemory::readback));
            std::ranges::copy(bytes, spares_.at(name).mapped().begin());
        }
        for (int kind = 0; kind < SAC_MEMORY_KIND_COUNT; ++kind)
            graph.resources[kindNames[kind]] = {buffers_.range(static_cast<SacMemoryKind>(kind)).buffer};
        for (SacTensorBinding& binding : buffers_.bindings) {
            const std::string name = buffers_.name(binding);
            graph.resources[name] = {binding.buffer.buffer};
            if (name == "offset") { // by value
                binding.buffer = {};
                binding.value = &zero_;
            }
        }
        graph.resources["enable"] = {enable_.handle()};
        if (usesOf(plan, SAC_COMMAND_RUN).contains("enable"))
            buffers_.enable = enable_.range();
    }

    void record(VkCommandBuffer commandBuffer) {
        for (const char* name : {"workspace", "state", "tables", "y"})
            if (graph.resources[name].buffer) {
                graph.use(commandBuffer, {{name, filled}});
                vkCmdFillBuffer(commandBuffer, graph.resources[name].buffer, 0, VK_WHOLE_SIZE, 0);
            }
        SacError error{};
        graph.use(commandBuffer, usesOf(plan_, SAC_COMMAND_UPLOAD));
        const SacUploadInfo upload = buffers_.uploadInfo();
        EXPECT_EQ(sacCmdUpload(plan_, commandBuffer, &upload, &error), SAC_SUCCESS) << error.message;
        for (int i = 0; i < 2; ++i) {
            for (const auto& [name, spare] : spares_) {
                graph.use(commandBuffer, {{name, filled}});
                const VkBufferCopy copy{0, 0, spare.size()};
                vkCmdCopyBuffer(commandBuffer, spare.handle(), graph.resources[name].buffer, 1, &copy);
            }
            if (buffers_.enable.buffer) {
                graph.use(commandBuffer, {{"enable", filled}});
                vkCmdFillBuffer(commandBuffer, enable_.handle(), 0, VK_WHOLE_SIZE, 1);
            }
            graph.use(commandBuffer, usesOf(plan_, SAC_COMMAND_RUN));
            const SacRunInfo run = buffers_.runInfo();
            EXPECT_EQ(sacCmdRun(plan_, commandBuffer, &run, &error), SAC_SUCCESS) << error.message;
        }
        graph.use(commandBuffer, {{"y", copied}});
        const VkBufferCopy copy{0, 0, result_.size()};
        vkCmdCopyBuffer(commandBuffer, graph.resources["y"].buffer, result_.handle(), 1, &copy);
        host::fullBarrier(commandBuffer);
    }

    std::vector<std::byte> result() const { return {result_.mapped().begin(), result_.mapped().end()}; }

    RenderGraph graph;

private:
    const Plan& plan_;
    PlanBuffers buffers_;
    host::Buffer enable_, result_;
    std::map<std::string, host::Buffer> spares_;
    const int32_t zero_ = 0;
};

std::string messages() {
    std::string all;
    for (const std::string& message : Gpu::get().instance().takeMessages())
        all += message + "\n";
    return all;
}

// The same run as elsewhere, with full barriers.
std::vector<std::byte> ordinary(const host::Device& device, const Plan& plan, const GoldenCase& golden) {
    PlanBuffers buffers(device, plan);
    const host::Buffer enable(device, 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, host::BufferMemory::readback);
    const uint32_t one = 1;
    std::memcpy(enable.mapped().data(), &one, sizeof(one));
    if (usesOf(plan, SAC_COMMAND_RUN).contains("enable"))
        buffers.enable = enable.range();
    for (const auto& [name, values] : golden.inputs)
        buffers.write(name, values);
    Gpu::get().submitter().run([&](VkCommandBuffer commandBuffer) {
        recordUpload(plan, commandBuffer, buffers);
        recordRun(plan, commandBuffer, buffers);
    });
    return buffers.bytes("y");
}

TEST_F(PlanAccess, isEnoughForBarriers) {
    for (const Case& each : cases)
        withPlan(each, [&](const Plan& plan, const GoldenCase& golden) {
            const std::vector<std::byte> expected = ordinary(device(), plan, golden);
            Frame frame(device(), plan, golden);
            submit([&](VkCommandBuffer commandBuffer) { frame.record(commandBuffer); });
            EXPECT_EQ(messages(), "");
            EXPECT_EQ(frame.result(), expected);
        });
}

// With layouts: an image is cleared, read by a run, cleared and read again; another is written and copied out.
TEST_F(PlanAccess, isEnoughForImages) {
    constexpr uint32_t width = 6, height = 5;
    constexpr VkFormat format = VK_FORMAT_R32G32B32A32_SFLOAT;
    constexpr uint32_t texelBytes = 16;
    const std::vector<std::byte> file = makeModelFile("grid_sample", {{"dims", 2}}, {});
    const Model model(context, file);
    const SacImageDesc desc = sac::imageDesc(format);
    sac::PlanBuilder description;
    description.input("x", {1, 4, height, width}).input("grid", {1, height, width, 2}).output("y");
    for (SacTensorDesc* tensor : {&description.inputs[0], &description.outputs[0]}) {
        tensor->imageCount = 1;
        tensor->images = &desc;
    }
    const Plan plan(model, description);
    const Uses run = usesOf(plan, SAC_COMMAND_RUN);
    const Uses expected = {{"workspace", both},
                           {"parameters", parameters},
                           {"x", {compute, shaderRead, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL}},
                           {"grid", read},
                           {"y", {compute, shaderWrite, VK_IMAGE_LAYOUT_GENERAL}}};
    ASSERT_EQ(run, expected);

    PlanBuffers buffers(device(), plan);
    buffers.write("grid", reference::Tensor({1, height, width, 2}, 0)); // the middle
    Image x(device(), format, texelBytes, width, height, 1, VK_IMAGE_USAGE_SAMPLED_BIT);
    Image y(device(), format, texelBytes, width, height, 1, VK_IMAGE_USAGE_STORAGE_BIT);
    const host::Buffer result(device(), texelBytes * width * height, copies, host::BufferMemory::readback);
    SacImageBinding views[2];
    for (const auto& [name, image] : {std::pair{"x", &x}, std::pair{"y", &y}}) {
        SacImageBinding& view = views[image == &y];
        view = sac::imageBinding(image->view(), run.at(name).layout);
        buffers.binding(name).buffer = {};
        buffers.binding(name).imageCount = 1;
        buffers.binding(name).images = &view;
    }

    for (const std::string forgotten : {"", "x"}) {
        SCOPED_TRACE(forgotten);
        RenderGraph graph;
        graph.resources["parameters"] = {buffers.range(SAC_MEMORY_PARAMETERS).buffer};
        graph.resources["workspace"] = {buffers.range(SAC_MEMORY_WORKSPACE).buffer};
        graph.resources["grid"] = {buffers.binding("grid").buffer.buffer};
        const Use nothing{VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, 0, VK_IMAGE_LAYOUT_UNDEFINED};
        graph.resources["x"] = {VK_NULL_HANDLE, x.handle(), nothing};
        graph.resources["y"] = {VK_NULL_HANDLE, y.handle(), nothing};
        submit([&](VkCommandBuffer commandBuffer) {
            const auto clear = [&](const char* name, float value) {
                const Use cleared{transfer, transferWrite, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL};
                graph.use(commandBuffer, {{name, cleared}});
                const VkClearColorValue color{{value, value, value, value}};
                const VkImageSubresourceRange range{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
                vkCmdClearColorImage(commandBuffer, graph.resources[name].image, cleared.layout, &color, 1, &range);
            };
            SacError error{};
            graph.use(commandBuffer, usesOf(plan, SAC_COMMAND_UPLOAD));
            const SacUploadInfo upload = buffers.uploadInfo();
            EXPECT_EQ(sacCmdUpload(plan, commandBuffer, &upload, &error), SAC_SUCCESS) << error.message;
            clear("y", 0);
            for (const float value : {0.75f, 0.5f}) {
                clear("x", value);
                graph.forgotten = forgotten;
                if (!forgotten.empty()) // what is left out is the access, not the layout
                    leaveInLayout(commandBuffer, graph, run, forgotten);
                graph.use(commandBuffer, run);
                graph.forgotten.clear();
                const SacRunInfo info = buffers.runInfo();
                EXPECT_EQ(sacCmdRun(plan, commandBuffer, &info, &error), SAC_SUCCESS) << error.message;
            }
            graph.use(commandBuffer, {{"y", {transfer, transferRead, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL}}});
            VkBufferImageCopy copy{};
            copy.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
            copy.imageExtent = {width, height, 1};
            vkCmdCopyImageToBuffer(commandBuffer, y.handle(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, result.handle(), 1,
                                   &copy);
            host::fullBarrier(commandBuffer);
        });
        if (!forgotten.empty()) {
            EXPECT_NE(messages().find("SYNC-HAZARD"), std::string::npos);
            continue;
        }
        EXPECT_EQ(messages(), "");
        const auto* texels = reinterpret_cast<const float*>(result.mapped().data());
        EXPECT_TRUE(std::all_of(texels, texels + 4 * width * height, [](float v) { return v == 0.5f; }));
    }
}

// That validation is silent above means something while it reports each resource that is left out.
TEST_F(PlanAccess, isNeededForBarriers) {
    for (const Case& each : cases)
        withPlan(each, [&](const Plan& plan, const GoldenCase& golden) {
            for (const auto& [name, use] : usesOf(plan, SAC_COMMAND_RUN)) {
                SCOPED_TRACE(name);
                Frame frame(device(), plan, golden);
                frame.graph.forgotten = name;
                submit([&](VkCommandBuffer commandBuffer) { frame.record(commandBuffer); });
                const bool hazard = messages().find("SYNC-HAZARD") != std::string::npos;
                EXPECT_TRUE(hazard || !each.noticed.contains(name));
            }
        });
}

} // namespace
} // namespace saccade::test
