// sacGetPlanStages.
#include "api/answers.hpp"
#include "api/objects.hpp"

using namespace saccade;

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
