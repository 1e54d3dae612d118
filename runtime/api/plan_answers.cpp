// What a plan answers: sacGetPlanMemory, sacGetPlanTensors, sacGetPlanProperties, sacGetPlanStages.
#include "api/answers.hpp"
#include "api/data_types.hpp"
#include "api/objects.hpp"

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

extern "C" SAC_API SacResult sacGetPlanMemory(SacPlan plan, SacMemoryKind kind, SacMemoryRequirements* requirements,
                                              SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        require(requirements, "requirements");
        if (static_cast<uint32_t>(kind) >= SAC_MEMORY_KIND_COUNT)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "kind is %d, no SacMemoryKind", static_cast<int>(kind));
        *requirements = plan->memory[static_cast<size_t>(kind)];
    });
}

extern "C" SAC_API SacResult sacGetPlanTensors(SacPlan plan, uint32_t* count, SacTensorInfo* infos, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        answerArray(count, infos, plan->tensors.size(), "tensors", [&](size_t i) { return answer(plan->tensors[i]); });
    });
}

extern "C" SAC_API SacResult sacGetPlanProperties(SacPlan plan, SacPlanProperties* properties, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        SAC_REQUIRE_STRUCTURE(properties, SAC_STRUCTURE_TYPE_PLAN_PROPERTIES);
        *properties = plan->properties;
    });
}

extern "C" SAC_API SacResult sacGetPlanStages(SacPlan plan, uint32_t* count, SacStageInfo* infos, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        const auto stages = plan->run.stages();
        answerArray(count, infos, stages.size(), "stages", [&](size_t i) {
            const Stage& stage = stages[i];
            return SacStageInfo{stage.label.c_str(), stage.dispatchCount, stage.flops, stage.bytes};
        });
    });
}
