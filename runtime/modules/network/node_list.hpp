// SPDX-License-Identifier: Apache-2.0
// A network's configuration as it is read from JSON: names resolved to numbers, every reference checked.
//
// docs/networks.md describes the format.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "base/fixed_vector.hpp"
#include "io/config.hpp"
#include "io/json.hpp"

namespace saccade::network {

using ValueId = uint32_t;
constexpr ValueId noValue = ~0u;

constexpr size_t maxOperands = 64;

/// What a node reads.
struct Operand {
    enum class Kind : uint8_t { value, number, integers, none };
    Kind kind = Kind::none;
    ValueId value = noValue;
    double number = 0;
    const JsonValue* integers = nullptr; ///< a list, perhaps nested
};

struct NodeEntry {
    explicit NodeEntry(std::pmr::memory_resource* memory) : inputs(memory) {}

    std::string_view op, name;
    std::string_view weights; ///< the node whose names its weights have; its own name where nothing is said
    std::pmr::vector<Operand> inputs;
    FixedVector<ValueId, 8> outputs;
    const JsonValue* config = nullptr;  ///< null: empty
    const JsonValue* options = nullptr; ///< of a module; null: empty
    bool float32 = false;
};

struct InputEntry {
    std::string_view name;
    ValueId value = noValue;
    const JsonValue* shape = nullptr; ///< an array of integers and names
    bool channelsLast = false;        ///< PyTorch's shape has the channels last
    bool float32 = false;
};

struct StateEntry {
    std::string_view name;
    ValueId value = noValue;
    ValueId next = noValue;
    const JsonValue* shape = nullptr; ///< an array of sizes
};

struct OutputEntry {
    std::string_view name;
    ValueId value = noValue;
    bool channelsLast = false;
    bool channelsGiven = false; ///< else it follows from the rank
};

struct Requirement {
    std::string_view expression;
    int64_t equals = 0;
};

/// Views into the configuration, which must outlive it.
class NodeList {
public:
    /// Throws SAC_ERROR_INVALID_CONFIG, naming the entry and the rule.
    NodeList(Config& config, std::pmr::memory_resource* memory);

    std::pmr::vector<InputEntry> inputs;
    std::pmr::vector<StateEntry> states;
    std::pmr::vector<NodeEntry> nodes;
    std::pmr::vector<OutputEntry> outputs;
    std::pmr::vector<Requirement> requirements;

    size_t valueCount() const { return names_.size(); }
    std::string_view valueName(ValueId value) const { return names_[value]; }
    /// noValue if there is none.
    ValueId find(std::string_view name) const;

private:
    ValueId define(std::string_view name, const char* what);
    ValueId use(const JsonValue& name, const char* list, std::string_view reader) const;
    void readInput(const JsonValue& entry);
    void readState(const JsonValue& entry);
    void readNode(const JsonValue& entry);
    Operand readOperand(const JsonValue& value, std::string_view node) const;
    void readOutput(const JsonValue& entry);

    std::pmr::memory_resource* memory_;
    std::pmr::vector<std::string_view> names_;
    std::pmr::vector<ValueId> sorted_; ///< an open-addressed table by the names' hashes
};

} // namespace saccade::network
