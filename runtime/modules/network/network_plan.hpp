// SPDX-License-Identifier: Apache-2.0
// The building of a network into one plan: which values are needed, their shapes, where results are written so that
// concatenations, outputs and states need no copy, and the nodes in order.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/network/node_builder.hpp"
#include "modules/network/node_list.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {

/// A node with its operator, perhaps with what followed it fused in.
struct Step {
    explicit Step(std::pmr::memory_resource* memory) : op(nullptr, {}), label(memory), inputs(memory) {}

    OpPtr op;
    std::string_view name, type; ///< of the node whose operator it is
    std::pmr::string label;      ///< "enc0 + relu"
    std::pmr::vector<Operand> inputs;
    FixedVector<ValueId, 8> outputs;
    bool float32 = false;
    bool constant = false; ///< depends on weights alone: part of the upload
};

/// Calls `function`; errors say which node they are of.
template <class Function>
auto ofNode(const Step& step, Function&& function) {
    try {
        return function();
    } catch (const Error& error) {
        if (error.code() == SAC_ERROR_CANCELLED)
            throw;
        throw Error(error.code(), "node \"%.*s\" (%.*s): %s", clip(step.name), step.name.data(), clip(step.type),
                    step.type.data(), error.what());
    }
}

class NetworkPlan final : public Sizes {
public:
    NetworkPlan(const NodeList& list, std::span<const Step> steps, PlanBuilder& plan);

    void build();

    const uint64_t* freeSize(std::string_view name) const override;
    const Shape* shapeOf(std::string_view name) const override;

private:
    static constexpr uint32_t none = ~0u;

    /// Where a value's result is wanted.
    struct Place {
        enum class Kind : uint8_t { anywhere, concat, output, state };
        Kind kind = Kind::anywhere;
        uint32_t index = 0;  ///< of the step, output or state
        uint32_t offset = 0; ///< concat: along its dimension
    };

    struct Output {
        const OutputEntry* entry;
        OutputTarget target{};
        Value value; ///< the target's
        bool begun = false;
    };

    void bindInputs();
    void findNeeded();
    void inferShapes();
    void checkRequirements() const;
    void choosePlaces();
    void chooseConcatPlaces();
    void chooseStatePlaces();
    bool claim(ValueId value, Place place, DataType type);
    void readInputs();
    void addSteps();
    void writeOutputs();
    void writeStates();

    Value placeOf(ValueId value);
    Value wholeOf(uint32_t step);
    void begin(Output& output, bool canWriteChannelMajor);
    NodeBuilder builderOf(const Step& step);
    NodeBuilder builderOf(std::string_view label, DataType type);
    DataType typeOf(const Step& step) const;
    Shape shapeOf(const JsonValue& sizes, const char* what) const;

    const NodeList& list_;
    std::span<const Step> steps_;
    PlanBuilder& plan_;
    std::pmr::vector<std::pair<std::string_view, uint64_t>> free_;
    std::pmr::vector<Shape> shapes_; ///< of each value; none: not needed, or not yet known
    std::pmr::vector<Value> values_;
    std::pmr::vector<bool> needed_; ///< values
    std::pmr::vector<bool> neededSteps_;
    std::pmr::vector<uint32_t> makers_;  ///< the step of each value; none: an input or state
    std::pmr::vector<uint32_t> readers_; ///< how many steps read each value
    std::pmr::vector<Place> places_;
    std::pmr::vector<Value> wholes_; ///< of each step that concatenates, once a part of it is made
    std::pmr::vector<Output> outputs_;
    std::pmr::vector<Value> states_; ///< in state memory
};

} // namespace saccade::network
