// SPDX-License-Identifier: Apache-2.0
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
    case SAC_MEMORY_PARAMETERS:
        return "parameters";
    default:
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "kind is %d, it must be WEIGHTS, TABLES, WORKSPACE, STATE or PARAMETERS", static_cast<int>(kind));
    }
}

// The parts of one kind, sorted by name.
std::pmr::vector<const MemoryPart*> partsByName(const SacPlan_T& plan, SacMemoryKind kind) {
    std::pmr::vector<const MemoryPart*> out(&plan.model->context->memory);
    for (const MemoryPart& part : plan.parts)
        if (part.kind == kind)
            out.push_back(&part);
    std::sort(out.begin(), out.end(), [](const MemoryPart* a, const MemoryPart* b) { return a->name < b->name; });
    return out;
}

// The parts that are named, in that order.
std::pmr::vector<const MemoryPart*> namedParts(std::span<const MemoryPart* const> parts, uint32_t nameCount,
                                               const char* const* names, const char* memoryName,
                                               std::pmr::memory_resource* memory) {
    if (nameCount > parts.size())
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "nameCount is %u, the plan's %s have %zu parts", nameCount, memoryName,
                    parts.size());
    std::pmr::vector<const MemoryPart*> out(memory);
    std::pmr::vector<uint32_t> namedBy(parts.size(), UINT32_MAX, memory);
    for (uint32_t i = 0; i < nameCount; ++i) {
        if (!names[i])
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "names[%u] is null", i);
        const std::string_view name = names[i];
        const auto found = std::lower_bound(parts.begin(), parts.end(), name,
                                            [](const MemoryPart* part, std::string_view n) { return part->name < n; });
        if (found == parts.end() || (*found)->name != name)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "names[%u] \"%.*s\" is no part of the plan's %s, see sacGetPlanMemoryParts", i, clip(name),
                        name.data(), memoryName);
        uint32_t& before = namedBy[static_cast<size_t>(found - parts.begin())];
        if (before != UINT32_MAX)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "names[%u] and [%u] both name \"%.*s\"", before, i, clip(name),
                        name.data());
        before = i;
        out.push_back(*found);
    }
    return out;
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

extern "C" SAC_API SacResult VKAPI_CALL sacWriteMemoryParts(SacPlan plan, SacMemoryKind kind, const void* data,
                                                            size_t dataSize, uint32_t nameCount,
                                                            const char* const* names, size_t* fileSize, void* file,
                                                            SacError* error) {
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
        const auto parts = partsByName(*plan, kind);
        if (nameCount)
            for (const MemoryPart* part : namedParts(parts, nameCount, names, memory, &plan->model->context->memory))
                add(*part);
        else
            for (const MemoryPart* part : parts)
                add(*part);

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
