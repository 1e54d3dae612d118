// sacGetModuleName, sacGetModuleDescription, sacGetModuleKeys, sacGetModuleTensors: what there is, before anything
// exists.
#include "api/answers.hpp"
#include "api/data_types.hpp"
#include "modules/registry.hpp"

#include <algorithm>
#include <cstdio>

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
    case KeyType::any:
        break;
    }
    return SAC_KEY_TYPE_ANY;
}

void fill(SacKeyDescription& out, const Key& key) {
    out.name = key.name;
    out.meaning = key.meaning;
    out.type = publicType(key.type);
    out.flags = (key.absent == Absent::refused ? SAC_KEY_REQUIRED_BIT : 0) |
                (key.absent == Absent::byDefault ? SAC_KEY_DEFAULT_BIT : 0) |
                (key.broadcast ? SAC_KEY_BROADCAST_BIT : 0);
    out.minimum = key.min;
    out.maximum = key.max;
    out.defaultValue = key.byDefault;
    out.minimumCount = static_cast<uint32_t>(key.count.min);
    out.maximumCount = static_cast<uint32_t>(key.count.max);
    out.choiceCount = static_cast<uint32_t>(key.choices.size());
    out.choices = key.choices.data();
}

void fill(SacTensorDescription& out, const TensorDescription& tensor, SacTensorFlags flags) {
    out.name = tensor.name;
    out.meaning = tensor.meaning;
    out.flags = flags | (isHost(tensor.presence) ? SAC_TENSOR_HOST_BIT : 0);
    out.optional = isOptional(tensor.presence);
    out.shape = tensor.shape;
    out.dataTypeCount = static_cast<uint32_t>(tensor.types.size());
    std::transform(tensor.types.begin(), tensor.types.end(), out.dataTypes, saccade::publicType);
}

// Elements are checked before the first of them is written.
template <class Element>
void checkElements(const uint32_t* count, const Element* elements, size_t total, SacStructureType type,
                   const char* array, const char* typeName) {
    if (!elements || !count || *count < total)
        return; // nothing is filled
    for (size_t i = 0; i < total; ++i) {
        char name[32];
        std::snprintf(name, sizeof(name), "%s[%zu]", array, i);
        requireStructure(&elements[i], name, type, typeName);
    }
}

} // namespace

extern "C" SAC_API const char* sacGetModuleName(uint32_t index) {
    const auto types = moduleTypes();
    return index < types.size() ? types[index].name : nullptr;
}

extern "C" SAC_API SacResult sacGetModuleDescription(const char* module, SacModuleDescription* description,
                                                     SacError* error) {
    return guarded(error, nullptr, [&] {
        const ModuleType& type = moduleOf(module);
        SAC_REQUIRE_STRUCTURE(description, SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION);
        const ModuleDescription& d = type.description;
        description->name = type.name;
        description->summary = d.summary;
        description->origin = d.origin;
        description->configKeyCount = static_cast<uint32_t>(d.config.size());
        description->optionKeyCount = static_cast<uint32_t>(d.options.size());
        description->inputCount = static_cast<uint32_t>(d.inputs.size());
        description->outputCount = static_cast<uint32_t>(d.outputs.size());
        description->limitCount = static_cast<uint32_t>(d.limits.size());
        description->limits = d.limits.data();
    });
}

extern "C" SAC_API SacResult sacGetModuleKeys(const char* module, SacKeyUse use, uint32_t* count,
                                              SacKeyDescription* keys, SacError* error) {
    return guarded(error, nullptr, [&] {
        const ModuleDescription& description = moduleOf(module).description;
        if (use != SAC_KEY_USE_CONFIG && use != SAC_KEY_USE_OPTIONS)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "use is %d, no SacKeyUse", static_cast<int>(use));
        const auto described = use == SAC_KEY_USE_CONFIG ? description.config : description.options;
        checkElements(count, keys, described.size(), SAC_STRUCTURE_TYPE_KEY_DESCRIPTION, "keys",
                      "SAC_STRUCTURE_TYPE_KEY_DESCRIPTION");
        answerArray(count, keys, described.size(), "keys", [&](size_t i) {
            SacKeyDescription key = keys[i];
            fill(key, described[i]);
            return key;
        });
    });
}

extern "C" SAC_API SacResult sacGetModuleTensors(const char* module, uint32_t* count, SacTensorDescription* tensors,
                                                 SacError* error) {
    return guarded(error, nullptr, [&] {
        const ModuleDescription& description = moduleOf(module).description;
        const size_t inputs = description.inputs.size(), total = inputs + description.outputs.size();
        checkElements(count, tensors, total, SAC_STRUCTURE_TYPE_TENSOR_DESCRIPTION, "tensors",
                      "SAC_STRUCTURE_TYPE_TENSOR_DESCRIPTION");
        answerArray(count, tensors, total, "tensors", [&](size_t i) {
            SacTensorDescription tensor = tensors[i];
            if (i < inputs)
                fill(tensor, description.inputs[i], SAC_TENSOR_INPUT_BIT);
            else
                fill(tensor, description.outputs[i - inputs], SAC_TENSOR_OUTPUT_BIT);
            return tensor;
        });
    });
}
