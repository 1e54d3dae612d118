// SPDX-License-Identifier: Apache-2.0
// What sacCmdUpload and sacCmdRun dispatch, as data: sacGetPlanDispatches, sacGetPlanShaders, sacGetPlanShaderCode and
// sacWriteParameters. Dispatches come from the lists that Program records.
#include <algorithm>
#include <cstring>

#include "api/public_bindings.hpp"
#include "api/public_names.hpp"
#include "spirv/bindings_in_use.hpp"
#include "spirv/freeze.hpp"

using namespace saccade;

namespace {

static_assert(maxBindings <= SAC_MAX_DISPATCH_BINDINGS);

using Keys = std::pmr::vector<const PipelineKey*>;

std::pmr::memory_resource* memoryOf(const SacPlan_T& plan) { return &plan.model->context->memory; }

// The shaders that are answered, in order.
Keys shadersOf(const SacPlan_T& plan) { return distinctPipelines({&plan.upload, &plan.run}, memoryOf(plan)); }

std::span<const uint32_t> wordsOf(const PipelineKey& key) {
    const ShaderCode& code = shaderCode(key.shader);
    return {code.words, code.bytes / sizeof(uint32_t)};
}

std::span<const uint32_t> constantsOf(const PipelineKey& key) { return {key.constants.data(), key.constants.size()}; }

std::pmr::vector<uint32_t> frozenCode(const SacPlan_T& plan, const PipelineKey& key) {
    return spirv::freeze(wordsOf(key), constantsOf(key), memoryOf(plan));
}

SacShader answer(const SacPlan_T& plan, const PipelineKey& key) {
    SacShader out{};
    out.name = shaderCode(key.shader).name;
    out.entryPoint = shaderEntryPoint;
    out.workgroupSize[0] = key.constants[0]; // of every shader
    out.workgroupSize[1] = out.workgroupSize[2] = 1;
    out.codeSize = frozenCode(plan, key).size() * sizeof(uint32_t);
    return out;
}

class DispatchAnswers {
public:
    DispatchAnswers(const SacPlan_T& plan, SacCommand command)
        : list_(command == SAC_COMMAND_UPLOAD ? plan.upload : plan.run), scales_(command == SAC_COMMAND_RUN),
          shaders_(shadersOf(plan)), uses_(memoryOf(plan)), externals_(externalPlaces(plan)) {
        for (const PipelineKey* key : shaders_)
            uses_.push_back(spirv::bindingsInUse(wordsOf(*key), constantsOf(*key), memoryOf(plan)));
    }

    SacDispatch operator[](size_t i) const {
        const auto number = static_cast<uint32_t>(i);
        const PlacedDispatch& dispatch = list_.dispatches()[i];
        const auto key = std::find_if(shaders_.begin(), shaders_.end(),
                                      [&](const PipelineKey* shader) { return *shader == dispatch.pipeline; });
        SacDispatch out{};
        out.name = list_.stages()[dispatch.stage].label.c_str();
        out.shader = static_cast<uint32_t>(key - shaders_.begin());
        std::copy(dispatch.groups.begin(), dispatch.groups.end(), out.groups);
        out.groupsPerEntry = scales_ && dispatch.batched ? list_.groups(number, 1)[2] : 0;
        out.barrier = dispatch.barrier;
        out.bindingCount = static_cast<uint32_t>(dispatch.bindings.size());
        const spirv::BindingsInUse& uses = uses_[out.shader];
        for (uint32_t b = 0; b < out.bindingCount; ++b) {
            out.bindings[b] = answer(dispatch.bindings[b], dispatch.pipeline.kinds[b]);
            if (!((uses.read | uses.written) >> b & 1))
                out.bindings[b].access = 0;
        }
        return out;
    }

private:
    SacDispatchBinding answer(const Binding& binding, BindingKind kind) const {
        SacDispatchBinding out{};
        out.descriptorType = descriptorType(kind);
        out.access = accessFlags(kind, binding.access);
        out.offset = binding.offset;
        out.size = binding.bytes;
        if (binding.memory != MemoryKind::external) {
            out.type = SAC_RESOURCE_TYPE_MEMORY;
            out.index = publicKind(binding.memory);
            return out;
        }
        const ExternalPlace& place = externals_[binding.external];
        out.type = SAC_RESOURCE_TYPE_TENSOR;
        out.index = place.tensor;
        out.image = place.image;
        if (kind == BindingKind::sampledImage || kind == BindingKind::storageImage)
            out.size = 0;
        return out;
    }

    const DispatchList& list_;
    bool scales_; ///< with the batch
    Keys shaders_;
    std::pmr::vector<spirv::BindingsInUse> uses_; ///< of each of these
    ExternalPlaces externals_;
};

void requireFixedDispatches(const SacPlan_T& plan) {
    const struct {
        SacPlanFlagBits bit;
        const char* name;
    } flags[] = {{SAC_PLAN_CONDITIONAL_BIT, "SAC_PLAN_CONDITIONAL_BIT"},
                 {SAC_PLAN_CONDITIONAL_RESET_BIT, "SAC_PLAN_CONDITIONAL_RESET_BIT"}};
    for (const auto& flag : flags)
        if (plan.flags & flag.bit)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "plan was made with %s: a number on the GPU decides what it dispatches, make one without",
                        flag.name);
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanDispatches(SacPlan plan, SacCommand command, uint32_t* count,
                                                             SacDispatch* dispatches, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        requireCommand(command);
        requireFixedDispatches(*plan);
        const size_t total = (command == SAC_COMMAND_UPLOAD ? plan->upload : plan->run).dispatches().size();
        std::optional<DispatchAnswers> answers; // not made for the question how many there are
        fillAnswers(count, dispatches, total, "dispatches", "dispatches", [&](size_t i) {
            if (!answers)
                answers.emplace(*plan, command);
            return (*answers)[i];
        });
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanShaders(SacPlan plan, uint32_t* count, SacShader* shaders,
                                                          SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        const Keys keys = shadersOf(*plan);
        fillAnswers(count, shaders, keys.size(), "shaders", "shaders",
                    [&](size_t i) { return answer(*plan, *keys[i]); });
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetPlanShaderCode(SacPlan plan, uint32_t shader, size_t* codeSize,
                                                             void* code, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        require(codeSize, "codeSize");
        const Keys keys = shadersOf(*plan);
        if (shader >= keys.size())
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "shader is %u, the plan has %zu", shader, keys.size());
        const std::pmr::vector<uint32_t> words = frozenCode(*plan, *keys[shader]);
        const size_t bytes = words.size() * sizeof(uint32_t);
        if (code && *codeSize < bytes)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "*codeSize is %zu, the code has %zu bytes", *codeSize, bytes);
        *codeSize = bytes;
        if (code)
            std::memcpy(code, words.data(), bytes);
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacWriteParameters(SacPlan plan, VkDeviceSize offset, VkDeviceSize size,
                                                           void* data, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        requirePart(offset, size, plan->parameters.size(), "parameters");
        if (size == 0)
            return;
        require(data, "data");
        std::memcpy(data, plan->parameters.data() + offset, static_cast<size_t>(size));
    });
}
