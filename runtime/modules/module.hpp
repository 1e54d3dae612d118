// A system of the library: made once from a configuration and weights, built into a graph for each plan.
//
// One file per system. Its constructor reads every argument and declares every weight, so that whatever is wrong with a
// checkpoint is said when the model is created; build() only depends on shapes.
#pragma once

#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>

#include "base/feedback.hpp"
#include "base/memory.hpp"
#include "io/config.hpp"
#include "modules/weights.hpp"

namespace saccade {

class PlanBuilder;

class Module {
public:
    virtual ~Module() = default;

    /// Adds the module's nodes. Throws SAC_ERROR_INVALID_ARGUMENT naming an input of the wrong shape.
    virtual void build(PlanBuilder& plan) const = 0;
};

/// What a module is made of. `type` is the name it is registered by: one class may serve several.
struct ModuleSource {
    std::string_view type;
    Config& config;
    WeightSet& weights;
    std::pmr::memory_resource* memory;
    Warnings& warnings;
};

struct ModuleDeleter {
    std::pmr::memory_resource* memory = nullptr;
    void (*end)(std::pmr::memory_resource*, Module*) = nullptr;
    void operator()(Module* module) const { end(memory, module); }
};
using ModulePtr = std::unique_ptr<Module, ModuleDeleter>;

/// Makes an M in the source's memory.
template <class M>
ModulePtr makeModule(const ModuleSource& source) {
    return ModulePtr(
        create<M>(source.memory, source),
        {source.memory, [](std::pmr::memory_resource* memory, Module* m) { destroy(memory, static_cast<M*>(m)); }});
}

} // namespace saccade
