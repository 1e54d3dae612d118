// SPDX-License-Identifier: Apache-2.0
#include "module_text.hpp"

#include "host/errors.hpp"
#include "host/library.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

std::vector<SacKeyDescription> keysOf(const std::string& module, SacKeyUse use, uint32_t count) {
    SacKeyDescription empty{};
    empty.sType = SAC_STRUCTURE_TYPE_KEY_DESCRIPTION;
    std::vector<SacKeyDescription> keys(count, empty);
    SacError error{};
    host::checkLibrary(sacGetModuleKeys(module.c_str(), use, &count, keys.data(), &error), error);
    return keys;
}

std::string number(double value) { return format("%.10g", value); }

std::string range(const SacKeyDescription& key) { return number(key.minimum) + " to " + number(key.maximum); }

} // namespace

std::vector<std::string> moduleNames() {
    std::vector<std::string> names;
    for (uint32_t i = 0; const char* name = sacGetModuleName(i); ++i)
        names.push_back(name);
    return names;
}

ModuleText::ModuleText(const std::string& module) {
    SacError error{};
    about.sType = SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION;
    host::checkLibrary(sacGetModuleDescription(module.c_str(), &about, &error), error);
    config = keysOf(module, SAC_KEY_USE_CONFIG, about.configKeyCount);
    options = keysOf(module, SAC_KEY_USE_OPTIONS, about.optionKeyCount);
    SacTensorDescription empty{};
    empty.sType = SAC_STRUCTURE_TYPE_TENSOR_DESCRIPTION;
    uint32_t count = about.inputCount + about.outputCount;
    std::vector<SacTensorDescription> tensors(count, empty);
    host::checkLibrary(sacGetModuleTensors(module.c_str(), &count, tensors.data(), &error), error);
    const auto firstOutput = tensors.begin() + about.inputCount;
    inputs.assign(tensors.begin(), firstOutput);
    outputs.assign(firstOutput, tensors.end());
}

std::string valueText(const SacKeyDescription& key) {
    switch (key.type) {
    case SAC_KEY_TYPE_INTEGER:
        return "integer, " + range(key);
    case SAC_KEY_TYPE_NUMBER:
        return "number, " + range(key);
    case SAC_KEY_TYPE_BOOLEAN:
        return "true | false";
    case SAC_KEY_TYPE_CHOICE: {
        std::string text;
        for (uint32_t i = 0; i < key.choiceCount; ++i)
            text += std::string(i ? " | " : "") + key.choices[i];
        return text;
    }
    case SAC_KEY_TYPE_INTEGERS: {
        const std::string least = key.minimumCount < key.maximumCount ? std::to_string(key.minimumCount) + " to " : "";
        return least + std::to_string(key.maximumCount) + " integers, " + range(key) +
               (key.flags & SAC_KEY_BROADCAST_BIT ? ", or one for all" : "");
    }
    case SAC_KEY_TYPE_JSON:
        return "JSON";
    default:
        return "anything";
    }
}

std::string defaultText(const SacKeyDescription& key) {
    if (key.flags & SAC_KEY_REQUIRED_BIT)
        return "required";
    if (!(key.flags & SAC_KEY_DEFAULT_BIT))
        return "-";
    switch (key.type) {
    case SAC_KEY_TYPE_BOOLEAN:
        return key.defaultValue != 0 ? "true" : "false";
    case SAC_KEY_TYPE_CHOICE:
        return key.choices[static_cast<std::size_t>(key.defaultValue)];
    case SAC_KEY_TYPE_INTEGERS: {
        std::string text;
        for (uint32_t i = 0; i < key.maximumCount; ++i)
            text += (i ? ", " : "") + number(key.defaultValue);
        return text;
    }
    default:
        return number(key.defaultValue);
    }
}

std::string typesText(const SacTensorDescription& tensor) {
    std::string text;
    for (uint32_t i = 0; i < tensor.dataTypeCount; ++i)
        text += std::string(i ? ", " : "") + dataTypeName(host::fileType(tensor.dataTypes[i]));
    return text;
}

std::string presenceText(const SacTensorDescription& tensor) {
    if (tensor.flags & SAC_TENSOR_OUTPUT_BIT)
        return tensor.optional ? "if asked for" : "main result";
    const std::string presence = tensor.optional ? "optional" : "required";
    return tensor.flags & SAC_TENSOR_HOST_BIT ? presence + ", read at creation" : presence;
}

} // namespace saccade::cli
