// SPDX-License-Identifier: Apache-2.0
// What a plan answers: sacGetPlanMemory, sacGetPlanTensors, sacGetPlanProperties, sacGetPlanStages.
#include "api/objects.hpp"
#include "api/public_names.hpp"

#include <algorithm>

using namespace saccade;

namespace {

SacTensorInfo answer(const PlanTensor& tensor) {
    SacTensorInfo out{};
    out.name = tensor.name.c_str();
    out.flags = tensor.output ? SAC_TENSOR_OUTPUT_BIT : SAC_TENSOR_INPUT_BIT;
    if (tensor.host)
        out.flags |= SAC_TENSOR_HOST_BIT;
    out.dataType = publicType(tensor.type);
    out.layout = tensor.channelsLast ? SAC_LAYOUT_CHANNELS_LAST : SAC_LAYOUT_CONTIGUOUS;
    out.rank = static_cast<uint32_t>(tensor.shape.size());
    std::copy(tensor.shape.begin(), tensor.shape.end(), out.shape);
    out.imageCount = tensor.imageCount;
    out.size = tensor.bytes();
    out.minValue = tensor.minValue;
    out.maxValue = tensor.maxValue;
    return out;
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanMemory(SacPlan plan, SacMemoryKind kind,
                                                         SacMemoryRequirements* requirements, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        requireStructure(requirements, "requirements");
        if (static_cast<uint32_t>(kind) >= SAC_MEMORY_KIND_COUNT)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "kind is %d, no SacMemoryKind", static_cast<int>(kind));
        fillAnswer(*requirements, plan->memory[static_cast<size_t>(kind)]);
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanTensors(SacPlan plan, uint32_t* count, SacTensorInfo* infos,
                                                          SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        fillAnswers(count, infos, plan->tensors.size(), "infos", "tensors",
                    [&](size_t i) { return answer(plan->tensors[i]); });
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanProperties(SacPlan plan, SacPlanProperties* properties,
                                                             SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        requireStructure(properties, "properties");
        fillAnswer(*properties, plan->properties);
        if (auto* bias = chained<SacPositionBiasProperties>(properties->pNext))
            fillAnswer(*bias, plan->positionBias);
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanStages(SacPlan plan, uint32_t* count, SacStageInfo* infos,
                                                         SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        const auto stages = plan->run.stages();
        fillAnswers(count, infos, stages.size(), "infos", "stages", [&](size_t i) {
            const Stage& stage = stages[i];
            SacStageInfo out{};
            out.name = stage.label.c_str();
            out.dispatchCount = stage.dispatchCount;
            out.flops = stage.flops;
            out.bytes = stage.bytes;
            return out;
        });
    });
}
