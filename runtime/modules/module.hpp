// SPDX-License-Identifier: Apache-2.0
// A system of the library: made once from a configuration and weights, built into a graph for each plan.
//
// One file per system. Its constructor reads every argument and declares every weight, so that whatever is wrong with a
// checkpoint is said when the model is created; build() only depends on shapes.
#pragma once

#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>

#include "base/data_type.hpp"
#include "base/feedback.hpp"
#include "base/fixed_vector.hpp"
#include "base/memory.hpp"
#include "io/config.hpp"
#include "modules/weights.hpp"

namespace saccade {

/// When an input or output is there.
enum class Presence : uint8_t {
    required,
    optional,
    host,        ///< required, and read while the plan is built
    optionalHost ///< the same, if it is given
};
constexpr bool isOptional(Presence presence) {
    return presence == Presence::optional || presence == Presence::optionalHost;
}
constexpr bool isHost(Presence presence) { return presence == Presence::host || presence == Presence::optionalHost; }

/// Types that a tensor may be bound as, the one it has by default first.
using DataTypes = FixedVector<DataType, 4>;
inline constexpr DataTypes floatTypes{DataType::f32, DataType::f16};

/// An input or output of a module.
struct TensorDescription {
    const char* name;
    Presence presence; ///< of outputs: required for the main result, which is given where nothing was asked for
    DataTypes types;
    /// Symbolic, in PyTorch's order, forms separated by " | ": "(b, n, dim) | (n, dim)". A name stands for one size
    /// wherever the module's tensors have it, and for the value of the configuration key of that name; *spatial for any
    /// number of dimensions.
    const char* shape;
    const char* meaning;
};

/// What a module takes and gives, as data: it is read from a configuration, checked against a plan's request and
/// answered by the API from one table, so that none of these can differ.
struct ModuleDescription {
    const char* summary; ///< one sentence
    const char* origin;  ///< the upstream or paper
    std::span<const Key> config;
    std::span<const Key> options; ///< forward arguments
    std::span<const TensorDescription> inputs;
    std::span<const TensorDescription> outputs; ///< the main result first
    std::span<const char* const> limits;        ///< beyond the keys' ranges, a sentence each
};

class PlanBuilder;

class Module {
public:
    virtual ~Module() = default;

    /// Adds the module's nodes. Throws SAC_ERROR_INVALID_ARGUMENT naming an input of the wrong shape.
    virtual void build(PlanBuilder& plan) const = 0;

    /// Inputs and outputs of this very module, where its configuration names them; null: those of its type.
    virtual const ModuleDescription* description() const { return nullptr; }
};

/// What a module is made of. `type` is the name it is registered by: one class may serve several.
struct ModuleSource {
    std::string_view type;
    Config& config;
    WeightSet& weights;
    std::pmr::memory_resource* memory;
    Warnings& warnings;
};

/// Axes of the feature map of a module that is registered as ...1D, ...2D and ...3D.
inline uint32_t dimensionsOf(std::string_view type) { return type.ends_with("1D") ? 1 : type.ends_with("2D") ? 2 : 3; }

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
