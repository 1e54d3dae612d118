// SPDX-License-Identifier: Apache-2.0
#include "module_text.hpp"

#include <saccade/saccade.hpp>

#include "host/tensor.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

std::string number(double value) { return format("%.10g", value); }

std::string range(const SacKeyDescription& key) { return number(key.minimum) + " to " + number(key.maximum); }

} // namespace

ModuleText::ModuleText(const std::string& module)
    : about(sac::moduleDescription(module.c_str())), config(sac::moduleKeys(module.c_str(), SAC_KEY_USE_CONFIG)),
      options(sac::moduleKeys(module.c_str(), SAC_KEY_USE_OPTIONS)) {
    for (const SacTensorDescription& tensor : sac::moduleTensors(module.c_str()))
        (tensor.flags & SAC_TENSOR_OUTPUT_BIT ? outputs : inputs).push_back(tensor);
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
