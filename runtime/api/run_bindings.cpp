// SPDX-License-Identifier: Apache-2.0
#include "api/run_bindings.hpp"

#include <algorithm>
#include <array>

namespace saccade {
namespace {

// The binding of each of the plan's tensors; null: none.
using BindingOfTensor = std::array<const SacTensorBinding*, 2 * SAC_MAX_BOUND>;

BindingOfTensor bindingsOfTensors(const SacPlan_T& plan, const SacRunInfo& info) {
    if (info.bindingCount > plan.boundTensors.size())
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindingCount is %u, the plan binds %zu tensors",
                    info.bindingCount, plan.boundTensors.size());
    if (info.bindingCount && !info.bindings)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings is null, but info->bindingCount is %u",
                    info.bindingCount);
    BindingOfTensor out{};
    for (uint32_t i = 0; i < info.bindingCount; ++i) {
        const SacTensorBinding& binding = info.bindings[i];
        requireElement(binding, "info->bindings", i);
        if (binding.tensor >= plan.tensors.size())
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings[%u].tensor is %u, the plan has %zu tensors", i,
                        binding.tensor, plan.tensors.size());
        const PlanTensor& tensor = plan.tensors[binding.tensor];
        if (tensor.host)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "info->bindings[%u].tensor is %u, \"%s\", which is not bound: it has SAC_TENSOR_HOST_BIT", i,
                        binding.tensor, tensor.name.c_str());
        if (const SacTensorBinding* other = out[binding.tensor])
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings[%td] and [%u] both bind tensor %u, \"%s\"",
                        other - info.bindings, i, binding.tensor, tensor.name.c_str());
        out[binding.tensor] = &binding;
    }
    return out;
}

// Throws for a binding of another kind than the tensor's, or of several.
void checkKind(const SacTensorBinding& binding, const PlanTensor& tensor, bool takesValue) {
    const char* name = tensor.name.c_str();
    if (tensor.imageCount) {
        if (binding.buffer.buffer || binding.value)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s has a %s, the plan has it as %u images", name,
                        binding.value ? "value" : "buffer", tensor.imageCount);
        if (binding.imageCount != tensor.imageCount)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.imageCount is %u, the plan has it as %u images", name,
                        binding.imageCount, tensor.imageCount);
        if (!binding.images)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.images is null, but its imageCount is %u", name,
                        binding.imageCount);
        return;
    }
    if (binding.imageCount)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.imageCount is %u, the plan has it as a buffer", name,
                    binding.imageCount);
    if (takesValue && !binding.value && !binding.buffer.buffer)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s has neither a buffer nor a value, one is required", name);
    if (binding.value && !takesValue)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.value is given, only INT32 inputs of one element take one", name);
    if (binding.value && (*binding.value < tensor.minValue || *binding.value > tensor.maxValue))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s.value is %d, the plan takes %d to %d", name, *binding.value,
                    tensor.minValue, tensor.maxValue);
    if (binding.value && binding.buffer.buffer)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s has both a buffer and a value, it takes one of them", name);
}

} // namespace

void requireBindable(std::span<const PlanTensor> tensors) {
    size_t count = 0;
    for (const PlanTensor& tensor : tensors)
        if (!tensor.host)
            count += std::max(tensor.imageCount, 1u);
    if (count > SAC_MAX_BOUND)
        throw Error(SAC_ERROR_UNSUPPORTED, "the plan binds %zu buffers and images, a run at most SAC_MAX_BOUND = %u",
                    count, SAC_MAX_BOUND);
}

RunBindings bindTensors(const SacPlan_T& plan, const SacRunInfo& info, Claims& claims) {
    const BindingOfTensor bindings = bindingsOfTensors(plan, info);
    RunBindings out;
    for (size_t i = 0; i < plan.boundTensors.size(); ++i) {
        const PlanTensor& tensor = plan.tensors[plan.boundTensors[i]];
        const uint64_t valueOffset = plan.valueOffsets[i];
        const SacTensorBinding* binding = bindings[plan.boundTensors[i]];
        if (!binding)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->bindings has no tensor %u, \"%s\", which the plan needs",
                        plan.boundTensors[i], tensor.name.c_str());
        checkKind(*binding, tensor, valueOffset != SacPlan_T::noValue);
        if (tensor.imageCount) {
            for (uint32_t k = 0; k < tensor.imageCount; ++k) {
                claims.image(tensor, k, binding->images[k]);
                out.externals.push_back({{}, binding->images[k].view, binding->images[k].layout});
            }
        } else if (binding->value) {
            out.externals.push_back({{info.workspace.buffer, info.workspace.offset + valueOffset}});
            out.values.push_back({out.externals.back().buffer.offset, *binding->value});
        } else {
            claims.buffer(tensor.name.c_str(), binding->buffer, tensor.bytes(),
                          plan.memory[SAC_MEMORY_WORKSPACE].alignment, tensor.output);
            out.externals.push_back({base(binding->buffer)});
        }
    }
    return out;
}

} // namespace saccade
