// SPDX-License-Identifier: Apache-2.0
// sacGetPlanAccess: the synchronization contract of one plan, from its dispatches.
#include <algorithm>
#include <array>

#include "api/public_bindings.hpp"
#include "api/public_names.hpp"

using namespace saccade;

namespace {

struct Use {
    VkPipelineStageFlags stages = 0;
    VkAccessFlags access = 0;

    void add(VkPipelineStageFlags stage, VkAccessFlags how) {
        stages |= stage;
        access |= how;
    }
};

void addToUse(Use& use, BindingKind kind, Access access) {
    use.add(VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, accessFlags(kind, access));
}

struct CommandUses {
    std::array<Use, SAC_MEMORY_KIND_COUNT> memory{};
    std::array<Use, 2 * SAC_MAX_BOUND> tensors{}; ///< by index in SacPlan_T::tensors
    Use enable, reset;
};

void addDispatches(CommandUses& uses, const DispatchList& list, const ExternalPlaces& externals) {
    for (const PlacedDispatch& dispatch : list.dispatches())
        for (uint32_t i = 0; i < dispatch.bindings.size(); ++i) {
            const Binding& binding = dispatch.bindings[i];
            Use& use = binding.memory == MemoryKind::external ? uses.tensors[externals[binding.external].tensor]
                                                              : uses.memory[publicKind(binding.memory)];
            addToUse(use, dispatch.pipeline.kinds[i], binding.access);
        }
}

CommandUses usesOfUpload(const SacPlan_T& plan) {
    CommandUses uses;
    if (plan.memory[SAC_MEMORY_WEIGHTS].size) {
        uses.memory[SAC_MEMORY_STAGING].add(VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT);
        uses.memory[SAC_MEMORY_WEIGHTS].add(VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
    }
    if (plan.memory[SAC_MEMORY_PARAMETERS].size)
        uses.memory[SAC_MEMORY_PARAMETERS].add(VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
    addDispatches(uses, plan.upload, {});
    return uses;
}

CommandUses usesOfRun(const SacPlan_T& plan) {
    CommandUses uses;
    addDispatches(uses, plan.run, externalPlaces(plan));
    Use& workspace = uses.memory[SAC_MEMORY_WORKSPACE];
    for (size_t i = 0; i < plan.boundTensors.size(); ++i)
        if (plan.valueOffsets[i] != SacPlan_T::noValue) {
            workspace.add(VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
            const Use& bound = uses.tensors[plan.boundTensors[i]]; // as which the value is read
            workspace.add(bound.stages, bound.access);
        }
    if (plan.flags & SAC_PLAN_CONDITIONAL_BIT) {
        addToUse(uses.enable, BindingKind::storageBuffer, Access::read);
        addToUse(workspace, BindingKind::storageBuffer, Access::write);
        workspace.add(VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT, VK_ACCESS_INDIRECT_COMMAND_READ_BIT);
    }
    if (plan.memory[SAC_MEMORY_STATE].size) {
        addToUse(uses.memory[SAC_MEMORY_STATE], BindingKind::storageBuffer, Access::write); // any run may reset it
        if (plan.flags & SAC_PLAN_CONDITIONAL_RESET_BIT)
            addToUse(uses.reset, BindingKind::storageBuffer, Access::read);
    }
    return uses;
}

using AccessList = FixedVector<SacResourceAccess, SAC_MEMORY_KIND_COUNT + 2 * SAC_MAX_BOUND + 2>;

AccessList listUses(const SacPlan_T& plan, const CommandUses& uses) {
    AccessList out;
    const auto add = [&](SacResourceType type, size_t index, const Use& use, VkImageLayout layout) {
        if (use.access)
            out.push_back({SAC_STRUCTURE_TYPE_RESOURCE_ACCESS, nullptr, type, static_cast<uint32_t>(index), use.stages,
                           use.access, layout});
    };
    for (size_t kind = 0; kind < uses.memory.size(); ++kind)
        add(SAC_RESOURCE_TYPE_MEMORY, kind, uses.memory[kind], VK_IMAGE_LAYOUT_UNDEFINED);
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
        const PlanTensor& tensor = plan.tensors[i];
        const VkImageLayout layout = tensor.output ? VK_IMAGE_LAYOUT_GENERAL : VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
        add(SAC_RESOURCE_TYPE_TENSOR, i, uses.tensors[i], tensor.imageCount ? layout : VK_IMAGE_LAYOUT_UNDEFINED);
    }
    add(SAC_RESOURCE_TYPE_ENABLE, 0, uses.enable, VK_IMAGE_LAYOUT_UNDEFINED);
    add(SAC_RESOURCE_TYPE_RESET, 0, uses.reset, VK_IMAGE_LAYOUT_UNDEFINED);
    return out;
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanAccess(SacPlan plan, SacCommand command, uint32_t* count,
                                                         SacResourceAccess* accesses, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        requireCommand(command);
        const AccessList list = listUses(*plan, command == SAC_COMMAND_UPLOAD ? usesOfUpload(*plan) : usesOfRun(*plan));
        fillAnswers(count, accesses, list.size(), "accesses", "accesses", [&](size_t i) { return list[i]; });
    });
}
