// SPDX-License-Identifier: Apache-2.0
// sacGetModuleName, sacGetModuleDescription, sacGetModuleKeys, sacGetModuleTensors: what there is, before anything
// exists; sacGetModelTensors.
#include "api/boundary.hpp"
#include "api/objects.hpp"
#include "api/public_names.hpp"
#include "modules/registry.hpp"

#include <algorithm>

using namespace saccade;

namespace {

const ModuleType& moduleOf(const char* name) {
    require(name, "module");
    const ModuleType* type = findModule(name);
    if (!type)
        throwUnknownModule(name);
    return *type;
}

SacKeyType publicType(KeyType type) {
    switch (type) {
    case KeyType::integer:
        return SAC_KEY_TYPE_INTEGER;
    case KeyType::number:
        return SAC_KEY_TYPE_NUMBER;
    case KeyType::boolean:
        return SAC_KEY_TYPE_BOOLEAN;
    case KeyType::choice:
        return SAC_KEY_TYPE_CHOICE;
    case KeyType::integers:
        return SAC_KEY_TYPE_INTEGERS;
    case KeyType::json:
        return SAC_KEY_TYPE_JSON;
    case KeyType::any:
        break;
    }
    return SAC_KEY_TYPE_ANY;
}

SacKeyDescription answer(const Key& key) {
    SacKeyDescription out{};
    out.name = key.name;
    out.meaning = key.meaning;
    out.type = publicType(key.type);
    out.flags = (key.absent == Absent::refused ? SAC_KEY_REQUIRED_BIT : 0) |
                (key.absent == Absent::usesDefault ? SAC_KEY_DEFAULT_BIT : 0) |
                (key.broadcast ? SAC_KEY_BROADCAST_BIT : 0);
    out.minimum = key.min;
    out.maximum = key.max;
    out.defaultValue = key.defaultValue;
    out.minimumCount = static_cast<uint32_t>(key.count.min);
    out.maximumCount = static_cast<uint32_t>(key.count.max);
    out.choiceCount = static_cast<uint32_t>(key.choices.size());
    out.choices = key.choices.data();
    return out;
}

SacTensorDescription answer(const TensorDescription& tensor, SacTensorFlags flags) {
    SacTensorDescription out{};
    out.name = tensor.name;
    out.meaning = tensor.meaning;
    out.flags = flags | (isHost(tensor.presence) ? SAC_TENSOR_HOST_BIT : 0);
    out.optional = isOptional(tensor.presence);
    out.shape = tensor.shape;
    out.dataTypeCount = static_cast<uint32_t>(tensor.types.size());
    std::transform(tensor.types.begin(), tensor.types.end(), out.dataTypes, saccade::publicType);
    return out;
}

void answerTensors(const ModuleDescription& description, uint32_t* count, SacTensorDescription* tensors) {
    const size_t inputs = description.inputs.size(), total = inputs + description.outputs.size();
    fillAnswers(count, tensors, total, "tensors", "tensors", [&](size_t i) {
        return i < inputs ? answer(description.inputs[i], SAC_TENSOR_INPUT_BIT)
                          : answer(description.outputs[i - inputs], SAC_TENSOR_OUTPUT_BIT);
    });
}

} // namespace

extern "C" SAC_API const char* VKAPI_CALL sacGetModuleName(uint32_t index) {
    const auto types = moduleTypes();
    return index < types.size() ? types[index].name : nullptr;
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetModuleDescription(const char* module, SacModuleDescription* description,
                                                                SacError* error) {
    return guarded(error, nullptr, [&] {
        const ModuleType& type = moduleOf(module);
        requireStructure(description, "description");
        const ModuleDescription& d = type.description;
        SacModuleDescription answer{};
        answer.name = type.name;
        answer.summary = d.summary;
        answer.origin = d.origin;
        answer.configKeyCount = static_cast<uint32_t>(d.config.size());
        answer.optionKeyCount = static_cast<uint32_t>(d.options.size());
        answer.inputCount = static_cast<uint32_t>(d.inputs.size());
        answer.outputCount = static_cast<uint32_t>(d.outputs.size());
        answer.limitCount = static_cast<uint32_t>(d.limits.size());
        answer.limits = d.limits.data();
        fillAnswer(*description, answer);
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetModuleKeys(const char* module, SacKeyUse use, uint32_t* count,
                                                         SacKeyDescription* keys, SacError* error) {
    return guarded(error, nullptr, [&] {
        const ModuleDescription& description = moduleOf(module).description;
        if (use != SAC_KEY_USE_CONFIG && use != SAC_KEY_USE_OPTIONS)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "use is %d, no SacKeyUse", static_cast<int>(use));
        const auto described = use == SAC_KEY_USE_CONFIG ? description.config : description.options;
        fillAnswers(count, keys, described.size(), "keys", "keys", [&](size_t i) { return answer(described[i]); });
    });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetModuleTensors(const char* module, uint32_t* count,
                                                            SacTensorDescription* tensors, SacError* error) {
    return guarded(error, nullptr, [&] { answerTensors(moduleOf(module).description, count, tensors); });
}

extern "C" SAC_API SacResult VKAPI_CALL sacGetModelTensors(SacModel model, uint32_t* count,
                                                           SacTensorDescription* tensors, SacError* error) {
    return guarded(error, model ? &model->context->log : nullptr, [&] {
        require(model, "model");
        answerTensors(model->description(), count, tensors);
    });
}
