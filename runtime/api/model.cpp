// SPDX-License-Identifier: Apache-2.0
// sacCreateModel, sacDestroyModel.
#include "api/objects.hpp"

#include <cstring>

using namespace saccade;

namespace {

std::string_view moduleName(const SacModelInfo& info, const SacModel_T& model) {
    if (info.module)
        return info.module;
    if (model.file)
        if (const auto name = model.file->metadata("module"))
            return *name;
    throw Error(SAC_ERROR_INVALID_ARGUMENT,
                "info->module is NULL and the file's __metadata__ has no \"module\": one of them must name it");
}

constexpr size_t maximumConfig = size_t{1} << 20; // a file's: parsing takes up to 16 times as much memory

// The constructor's arguments: the file's, where the caller's replace those of the same name.
JsonDocument mergedConfig(const SacModelInfo& info, const SacModel_T& model, std::pmr::memory_resource* memory) {
    std::string_view own = "{}";
    if (model.file)
        own = model.file->metadata("config").value_or(own);
    if (own.size() > maximumConfig)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config of the file's __metadata__: %zu bytes, at most %zu", own.size(),
                    maximumConfig);
    JsonDocument config = parseJson(own, memory, SAC_ERROR_INVALID_CONFIG, "config of the file's __metadata__");
    if (!info.config)
        return config;
    const JsonDocument overriding = parseJson(info.config, memory, SAC_ERROR_INVALID_CONFIG, "info->config");
    return mergeObjects(config.root(), overriding.root(), memory);
}

std::string_view weightPrefix(const SacModelInfo& info, const SacModel_T& model) {
    if (info.weightPrefix)
        return info.weightPrefix;
    if (model.file)
        if (const auto prefix = model.file->metadata("prefix"))
            return *prefix;
    // A golden case's; a network may have a node of that name.
    if (model.file && model.type->name != std::string_view("Network"))
        for (const TensorView& tensor : model.file->tensors())
            if (tensor.name.starts_with("w."))
                return "w.";
    return "";
}

void initialize(SacModel_T& model, const SacModelInfo& info) {
    std::pmr::memory_resource* memory = &model.context->memory;
    if (info.data)
        model.file.emplace(std::span(static_cast<const std::byte*>(info.data), info.size), memory,
                           info.headerLimit ? info.headerLimit : safetensorsDefaultHeaderLimit);
    const std::string_view name = moduleName(info, model);
    model.type = findModule(name);
    if (!model.type)
        throwUnknownModule(name);
    model.config.emplace(mergedConfig(info, model, memory));
    model.weights.emplace(model.file ? &*model.file : nullptr, weightPrefix(info, model), memory);
    const ModuleDescription& description = model.type->description;
    Config config(model.config->root(),
                  {"config", description.config, "an option of the plan (SacPlanInfo::options)", description.options},
                  memory);
    Warnings warnings(memory);
    model.module = model.type->make({model.type->name, config, *model.weights, memory, warnings});
    model.context->log.write(model.type->name, warnings);
}

} // namespace

extern "C" SAC_API SacResult VKAPI_CALL sacCreateModel(SacContext context, const SacModelInfo* info, SacModel* model,
                                                       SacError* error) {
    if (model)
        *model = nullptr;
    return guarded(error, context ? &context->log : nullptr, [&] {
        require(context, "context");
        requireStructure(info, "info");
        require(model, "model");
        requireUtf8(info->module, "info->module");
        requireUtf8(info->weightPrefix, "info->weightPrefix");
        if (!info->data && info->size)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->data is null, but info->size is %zu", info->size);
        if (info->headerLimit > safetensorsHeaderLimit)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->headerLimit is %llu, at most %llu", wide(info->headerLimit),
                        wide(safetensorsHeaderLimit));
        ChildCount count(context->modelCount);
        UniquePtr<SacModel_T> created = makeUnique<SacModel_T>(&context->memory, context);
        initialize(*created, *info);
        *model = created.release();
        count.keep();
    });
}

extern "C" SAC_API void VKAPI_CALL sacDestroyModel(SacModel model) {
    if (!model)
        return;
    SacContext context = model->context;
    guarded(nullptr, &context->log, [&] {
        if (const uint32_t plans = model->planCount.load())
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "model still has %u plans, destroy them before it: nothing is destroyed", plans);
        destroy(&context->memory, model);
        context->modelCount.fetch_sub(1);
    });
}

extern "C" SAC_API const char* VKAPI_CALL sacGetModelModule(SacModel model) {
    return model ? model->type->name : nullptr;
}
