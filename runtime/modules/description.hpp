// What a module takes and gives, as data: it is read from a configuration, checked against a plan's request and
// answered by the API from one table, so that none of these can differ.
#pragma once

#include <span>

#include "base/data_type.hpp"
#include "base/fixed_vector.hpp"
#include "io/config.hpp"

namespace saccade {

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

struct ModuleDescription {
    const char* summary; ///< one sentence
    const char* origin;  ///< the upstream or paper
    std::span<const Key> config;
    std::span<const Key> options; ///< forward arguments
    std::span<const TensorDescription> inputs;
    std::span<const TensorDescription> outputs; ///< the main result first
    std::span<const char* const> limits;        ///< beyond the keys' ranges, a sentence each
};

} // namespace saccade
