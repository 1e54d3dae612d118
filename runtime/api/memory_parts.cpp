// SPDX-License-Identifier: Apache-2.0
// Listing a plan's memory, and sacGetPlanMemoryParts.
#include "api/memory_parts.hpp"

#include <algorithm>
#include <cstdio>

#include "api/objects.hpp"
#include "api/public_names.hpp"

using namespace saccade;

namespace {

struct Stages {
    uint32_t first = SAC_STAGE_UPLOAD, last = SAC_STAGE_UPLOAD;
    bool used = false; // by a node of either phase
};

// The stages of the run that use each tensor.
std::pmr::vector<Stages> stagesOfTensors(const Graph& graph, std::pmr::memory_resource* memory) {
    std::pmr::vector<Stages> all(graph.tensors().size(), memory);
    for (const Node& node : graph.nodes())
        for (const TensorId id : node.tensors) {
            Stages& stages = all[id];
            stages.used = true;
            if (node.phase != Phase::run)
                continue;
            stages.first = std::min(stages.first, node.stage); // the mark of the upload is the largest number
            stages.last = node.stage;
        }
    return all;
}

class Lister {
public:
    Lister(const SacPlan_T& plan, Progress& progress)
        : parts_(&plan.model->context->memory), progress_(progress), names_(&plan.model->context->memory) {
        const auto stageCount = static_cast<uint32_t>(plan.run.stages().size());
        always_ = {0, stageCount ? stageCount - 1 : 0, true};
    }

    void begin(SacMemoryKind kind) {
        kind_ = kind;
        names_.clear();
    }

    void add(std::string_view name, DataType type, const Shape& shape, uint64_t offset, const Stages& stages) {
        progress_.tick();
        parts_.push_back({names_.take(name), kind_, type, shape, offset, stages.first, stages.last});
    }
    void add(std::string_view name, DataType type, const Shape& shape, uint64_t offset) {
        add(name, type, shape, offset, always_);
    }

    std::pmr::vector<MemoryPart> take() { return std::move(parts_); }

private:
    std::pmr::vector<MemoryPart> parts_;
    Progress& progress_;
    UniqueNames names_;
    Stages always_;
    SacMemoryKind kind_ = SAC_MEMORY_WEIGHTS;
};

} // namespace

std::pmr::string UniqueNames::take(std::string_view name) {
    std::pmr::string out(name, next_.get_allocator().resource());
    // The suffixes of one name are tried once each, so n calls try at most 2 n names.
    if (const auto same = next_.find(name); same != next_.end()) {
        do {
            char suffix[16];
            std::snprintf(suffix, sizeof(suffix), "#%u", same->second++);
            out.assign(name);
            out += suffix;
        } while (next_.contains(out));
    }
    next_.emplace(out, 2);
    return out;
}

std::pmr::vector<MemoryPart> saccade::listMemoryParts(const SacPlan_T& plan, const Graph& graph, Progress& progress) {
    Lister lister(plan, progress);
    const auto stages = stagesOfTensors(graph, &plan.model->context->memory);
    const auto addTensors = [&](MemoryKind memory) {
        lister.begin(publicKind(memory));
        for (TensorId id = 0; id < graph.tensors().size(); ++id) {
            const Tensor& tensor = graph.tensor(id);
            if (tensor.memory != memory)
                continue;
            if (memory != MemoryKind::workspace)
                lister.add(tensor.name, tensor.type, tensor.shape, tensor.offset);
            else if (stages[id].used) // others have no place
                lister.add(tensor.name, tensor.type, tensor.shape, tensor.offset, stages[id]);
        }
    };

    lister.begin(SAC_MEMORY_WEIGHTS);
    const WeightSet& weights = *plan.model->weights;
    for (WeightId id = 0; id < weights.count(); ++id) {
        const WeightSet::Placed weight = weights.placed(id, plan.storage);
        lister.add(weight.name, weight.type, {weight.elements}, weight.offset);
    }
    addTensors(MemoryKind::tables);
    addTensors(MemoryKind::workspace);
    for (size_t i = 0; i < plan.valueOffsets.size(); ++i) {
        const PlanTensor& tensor = plan.tensors[plan.boundTensors[i]];
        if (plan.valueOffsets[i] != SacPlan_T::noValue)
            lister.add(tensor.name, tensor.type, tensor.shape, plan.valueOffsets[i]);
    }
    if (plan.commandBytes)
        lister.add("dispatch commands", DataType::i32, {plan.commandBytes / 4}, plan.commandsOffset);
    addTensors(MemoryKind::state);
    lister.begin(SAC_MEMORY_PARAMETERS);
    for (const Node& node : graph.nodes())
        lister.add(node.label, DataType::u8, {node.dispatch.parameters.size}, node.parameterOffset);
    return lister.take();
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanMemoryParts(SacPlan plan, uint32_t* count, SacMemoryPart* parts,
                                                              SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        fillAnswers(count, parts, plan->parts.size(), "parts", "memory parts", [&](size_t i) {
            const MemoryPart& part = plan->parts[i];
            SacMemoryPart out{};
            out.name = part.name.c_str();
            out.kind = part.kind;
            out.dataType = publicType(part.type);
            out.rank = static_cast<uint32_t>(part.shape.size());
            std::copy(part.shape.begin(), part.shape.end(), out.shape);
            out.offset = part.offset;
            out.size = alignUp(part.bytes(), 4);
            out.firstStage = part.firstStage;
            out.lastStage = part.lastStage;
            return out;
        });
    });
}
