// SPDX-License-Identifier: Apache-2.0
// The numbers that a module's constants have once its specialization constants are given.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

#include "spirv/module.hpp"

namespace saccade::spirv {

class Constants {
public:
    /// `values` are of the specialization constants, by constant_id, booleans being 0 or not; those beyond keep their
    /// defaults. Throws SAC_ERROR_INTERNAL for a malformed module, and for specialization constants, or operations over
    /// them, that are not of 32-bit scalars. The module outlives this.
    Constants(const Module& module, std::span<const uint32_t> values, std::pmr::memory_resource* memory);

    /// Of a constant that is a boolean, 0 or 1, or of 32 bits; nothing for other ids.
    std::optional<uint32_t> scalar(uint32_t id) const;
    /// Whether the id is the type bool.
    bool isBool(uint32_t type) const { return entries_[type].kind == Kind::boolType; }

    /// The constant that is the built-in WorkgroupSize; 0: the module has none.
    uint32_t workgroupSizeId() const { return workgroupSize_; }
    /// Its components. Throws SAC_ERROR_INTERNAL if they are not three known numbers.
    std::array<uint32_t, 3> workgroupSize() const;

private:
    enum class Kind : uint8_t { other, specialized, boolType, wordType, scalar, composite };
    struct Entry {
        Kind kind = Kind::other;
        uint32_t word = 0; ///< specialized: constant_id; scalar: the value; composite: where its instruction begins
    };

    void read(const Instruction& instruction, std::span<const uint32_t> values);
    uint32_t evaluateOperation(const Instruction& instruction) const;
    uint32_t extract(const Instruction& instruction) const;
    uint32_t requireScalar(const Instruction& instruction, size_t word) const;
    void requireScalarType(const Instruction& instruction) const;

    const Module& module_;
    std::pmr::vector<Entry> entries_; ///< of each id
    uint32_t workgroupSize_ = 0;
};

} // namespace saccade::spirv
