// SPDX-License-Identifier: Apache-2.0
#include "api/boundary.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>

namespace saccade {
namespace {

struct StructureName {
    SacStructureType type;
    const char* enumerator;
    const char* structure;
};
constexpr StructureName structures[] = {
#define SAC_STRUCTURE(Structure, NAME) {SAC_STRUCTURE_TYPE_##NAME, "SAC_STRUCTURE_TYPE_" #NAME, #Structure},
    SAC_FOR_EACH_STRUCTURE(SAC_STRUCTURE)
#undef SAC_STRUCTURE
};

const StructureName* findStructure(SacStructureType type) {
    const auto* found =
        std::find_if(std::begin(structures), std::end(structures), [&](const auto& s) { return s.type == type; });
    return found == std::end(structures) ? nullptr : found;
}

// Which structures may stand in whose chains.
struct Extension {
    SacStructureType extended, by;
};
constexpr Extension extensions[] = {
    {SAC_STRUCTURE_TYPE_PLAN_INFO, SAC_STRUCTURE_TYPE_POSITION_BIAS_INFO},
    {SAC_STRUCTURE_TYPE_PLAN_INFO, SAC_STRUCTURE_TYPE_COMPILE_JOBS},
    {SAC_STRUCTURE_TYPE_PLAN_PROPERTIES, SAC_STRUCTURE_TYPE_POSITION_BIAS_PROPERTIES},
};
static_assert(std::size(extensions) <= 32, "checkStructure() has a bit for each");

// How all structures begin. Of one that is not known sType alone may be read.
struct Link {
    SacStructureType sType;
    const Link* pNext;
};

} // namespace

void checkStructure(const void* structure, SacStructureType type, const char* name) {
    const Link& first = *static_cast<const Link*>(structure);
    const StructureName& own = *findStructure(type);
    if (first.sType != type)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "sType of %s is %d, it must be %s", name, static_cast<int>(first.sType),
                    own.enumerator);
    uint32_t seen = 0;
    // Ends on a chain that is a ring too: no structure is passed twice.
    for (const Link* link = first.pNext; link; link = link->pNext) {
        const StructureName* known = findStructure(link->sType);
        if (!known)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "pNext of %s has a structure of sType %d, which is no SacStructureType", name,
                        static_cast<int>(link->sType));
        const auto* extension = std::find_if(std::begin(extensions), std::end(extensions), [&](const Extension& e) {
            return e.extended == type && e.by == link->sType;
        });
        if (extension == std::end(extensions))
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "pNext of %s has %s, which does not extend %s", name,
                        known->enumerator, own.structure);
        const uint32_t bit = 1u << (extension - std::begin(extensions));
        if (seen & bit)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "pNext of %s has %s twice", name, known->enumerator);
        seen |= bit;
    }
}

const void* findInChain(const void* pNext, SacStructureType type) {
    const Link* link = static_cast<const Link*>(pNext);
    while (link && link->sType != type)
        link = link->pNext;
    return link;
}

void Log::write(const char* what, const Warnings& warnings) const {
    char text[2 * SAC_MAX_MESSAGE_LENGTH];
    for (const std::pmr::string& message : warnings.messages()) {
        std::snprintf(text, sizeof(text), "%.*s: %s", clip(what), what, message.c_str());
        write(SAC_LOG_WARNING, text);
    }
}

SacResult report(SacResult result, const char* message, SacError* error, const Log* log) {
    if (error) {
        error->result = result;
        const size_t length = std::min(std::strlen(message), sizeof(error->message) - 1);
        std::memcpy(error->message, message, length);
        error->message[length] = '\0';
    }
    if (log && result != SAC_SUCCESS)
        log->write(SAC_LOG_ERROR, message);
    return result;
}

} // namespace saccade

extern "C" SAC_API const char* VKAPI_CALL sacResultString(SacResult result) {
    switch (result) {
#define SAC_NAME(name)                                                                                                 \
    case name:                                                                                                         \
        return #name;
        SAC_NAME(SAC_SUCCESS)
        SAC_NAME(SAC_ERROR_INVALID_ARGUMENT)
        SAC_NAME(SAC_ERROR_MALFORMED_FILE)
        SAC_NAME(SAC_ERROR_INVALID_CONFIG)
        SAC_NAME(SAC_ERROR_INVALID_WEIGHTS)
        SAC_NAME(SAC_ERROR_UNSUPPORTED)
        SAC_NAME(SAC_ERROR_OUT_OF_HOST_MEMORY)
        SAC_NAME(SAC_ERROR_OUT_OF_DEVICE_MEMORY)
        SAC_NAME(SAC_ERROR_DEVICE_LOST)
        SAC_NAME(SAC_ERROR_CANCELLED)
        SAC_NAME(SAC_ERROR_VULKAN)
        SAC_NAME(SAC_ERROR_INTERNAL)
#undef SAC_NAME
    case SAC_RESULT_MAX_ENUM:
        break;
    }
    return "unknown SacResult";
}

extern "C" SAC_API uint32_t VKAPI_CALL sacGetVersion(void) { return SAC_VERSION; }
