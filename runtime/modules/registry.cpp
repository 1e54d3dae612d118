// SPDX-License-Identifier: Apache-2.0
#include "modules/registry.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace saccade {
namespace {

#define SACCADE_MODULE_TYPE(name, make, description) {name, make, description},
constexpr ModuleType types[] = {SACCADE_MODULES(SACCADE_MODULE_TYPE)};
#undef SACCADE_MODULE_TYPE

} // namespace

std::span<const ModuleType> moduleTypes() { return types; }

const ModuleType* findModule(std::string_view name) {
    for (const ModuleType& type : types)
        if (name == type.name)
            return &type;
    return nullptr;
}

void throwUnknownModule(std::string_view name) {
    throw Error(SAC_ERROR_INVALID_CONFIG, "module \"%.*s\" is unknown; there are %s", clip(name), name.data(),
                namesOf(types).text());
}

} // namespace saccade
