// sacWriteMemoryParts.
#include <algorithm>
#include <cstring>

#include "api/objects.hpp"
#include "io/safetensors_writer.hpp"

using namespace saccade;

namespace {

const char* memoryName(SacMemoryKind kind) {
    switch (kind) {
    case SAC_MEMORY_WEIGHTS:
        return "weights";
    case SAC_MEMORY_TABLES:
        return "tables";
    case SAC_MEMORY_WORKSPACE:
        return "workspace";
    case SAC_MEMORY_STATE:
        return "state";
    default:
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "kind is %d, it must be WEIGHTS, TABLES, WORKSPACE or STATE",
                    static_cast<int>(kind));
    }
}

const MemoryPart& findPart(const SacPlan_T& plan, SacMemoryKind kind, const char* const* names, uint32_t index) {
    const char* name = names[index];
    if (!name)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "names[%u] is null", index);
    const auto found = std::find_if(plan.parts.begin(), plan.parts.end(),
                                    [&](const MemoryPart& part) { return part.kind == kind && part.name == name; });
    if (found == plan.parts.end())
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "names[%u] \"%.*s\" is no part of the plan's %s, see sacGetPlanMemoryParts", index, clip(name),
                    name, memoryName(kind));
    for (uint32_t i = 0; i < index; ++i)
        if (found->name == names[i])
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "names[%u] and [%u] both name \"%s\"", i, index, name);
    return *found;
}

// Where a file's pieces go; nowhere but into `size` without bytes.
struct Target {
    std::byte* bytes;
    size_t size;

    static void take(void* user, std::span<const std::byte> piece) {
        Target& target = *static_cast<Target*>(user);
        if (target.bytes)
            std::memcpy(target.bytes + target.size, piece.data(), piece.size());
        target.size += piece.size();
    }
};

} // namespace

extern "C" SAC_API SacResult sacWriteMemoryParts(SacPlan plan, SacMemoryKind kind, const void* data, size_t dataSize,
                                                 uint32_t nameCount, const char* const* names, size_t* fileSize,
                                                 void* file, SacError* error) {
    return guarded(error, plan ? &plan->model->context->log : nullptr, [&] {
        require(plan, "plan");
        const char* memory = memoryName(kind);
        if (kind == SAC_MEMORY_WORKSPACE && !(plan->flags & SAC_PLAN_NO_ALIASING_BIT))
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "kind is WORKSPACE, but the plan was made without SAC_PLAN_NO_ALIASING_BIT: its intermediates "
                        "overwrite each other");
        if (plan->memory[kind].size)
            require(data, "data");
        if (dataSize != plan->memory[kind].size)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "dataSize is %zu, the plan's %s have %llu bytes", dataSize, memory,
                        wide(plan->memory[kind].size));
        if (nameCount)
            require(names, "names");
        require(fileSize, "fileSize");

        SafetensorsWriter writer(&plan->model->context->memory);
        writer.addMetadata("memory", memory);
        const auto add = [&](const MemoryPart& part) {
            const auto* bytes = static_cast<const std::byte*>(data) + part.offset;
            writer.addTensor(part.name, part.type, part.shape, {bytes, static_cast<size_t>(part.bytes())});
        };
        for (uint32_t i = 0; i < nameCount; ++i)
            add(findPart(*plan, kind, names, i));
        for (const MemoryPart& part : plan->parts)
            if (!nameCount && part.kind == kind)
                add(part);

        Target size{nullptr, 0};
        writer.write(Target::take, &size);
        if (file) {
            if (*fileSize < size.size)
                throw Error(SAC_ERROR_INVALID_ARGUMENT, "*fileSize is %zu, the file has %zu bytes", *fileSize,
                            size.size);
            Target target{static_cast<std::byte*>(file), 0};
            writer.write(Target::take, &target);
        }
        *fileSize = size.size;
    });
}
