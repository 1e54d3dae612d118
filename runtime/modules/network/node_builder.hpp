// SPDX-License-Identifier: Apache-2.0
// What an operator builds with: its inputs as values, places for its results, and the plan's graph.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "kernels/elementwise.hpp"
#include "modules/network/expression.hpp"
#include "modules/network/node_list.hpp"
#include "modules/network/value.hpp"
#include "modules/plan_builder.hpp"

namespace saccade::network {

class NodeBuilder {
public:
    struct Input {
        Value value; ///< no tensor: a number, or left out
        Operand operand;
    };
    struct Result {
        Shape shape;
        std::optional<Value> place; ///< where the result is wanted
        Value value;                ///< what the operator made
    };

    /// `type` is that of the node's arithmetic. What a node of the upload makes is kept for all runs.
    NodeBuilder(PlanBuilder& plan, const Sizes& sizes, std::string_view label, DataType type, Phase phase)
        : sizes(sizes), plan_(plan), label_(label), type_(type), phase_(phase) {}

    const Sizes& sizes;
    FixedVector<Input, maxOperands> inputs;
    FixedVector<Result, 8> results;

    PlanBuilder& plan() { return plan_; }
    Graph& graph() { return plan_.graph(); }
    const DeviceProfile& device() const { return plan_.device(); }
    std::string_view label() const { return label_; }
    DataType type() const { return type_; }
    bool half() const { return type_ == DataType::f16; }

    bool has(size_t i) const { return i < inputs.size() && inputs[i].operand.kind != Operand::Kind::none; }
    bool isNumber(size_t i) const { return inputs[i].operand.kind == Operand::Kind::number; }
    float number(size_t i) const { return static_cast<float>(inputs[i].operand.number); }

    /// An input as it is, or converted to the node's type, or another.
    const Value& raw(size_t i) const { return inputs[i].value; }
    Value input(size_t i) { return as(inputs[i].value, type_); }

    /// The same value as `type`, in contiguous order, or with channels side by side: itself or a copy.
    Value as(const Value& value, DataType type);
    Value contiguous(const Value& value);
    /// The same in contiguous order from the first element of a tensor of its own.
    Value dense(const Value& value);
    Value channelsLast(const Value& value);
    /// The value in another shape: another view of it, or of a copy.
    Value reshape(const Value& value, const Shape& shape);

    /// A value that lives until its last use. Throws SAC_ERROR_UNSUPPORTED for one of 2^31 elements or more.
    Value temporary(const Shape& shape, const Strides& strides, DataType type) {
        return allocate(shape, strides, type, phase_);
    }
    /// The same with channels side by side and every pixel at a multiple of four elements, so that kernels read
    /// vectors.
    Value temporaryMap(const Shape& shape, DataType type) { return allocateMap(shape, type, phase_); }
    /// The place where result `i` is wanted, or a new one.
    Value result(size_t i, const Strides& strides);
    /// Result `i` at the place where it is wanted, if `fits` likes how it lies; else a new one.
    template <class Fits>
    Value result(size_t i, const Strides& strides, Fits&& fits) {
        const Result& wanted = results[i];
        if (wanted.place && wanted.place->type == type_ && fits(*wanted.place))
            return *wanted.place;
        return temporary(wanted.shape, strides, type_);
    }
    void set(size_t i, const Value& value) { results[i].value = value; }

    TensorId weight(WeightId id) { return plan_.weight(id); }

    void add(const Kernel& kernel, std::span<const TensorId> operands) {
        graph().add(label_, kernel, operands, phase_);
    }
    void add(const Kernel& kernel, std::initializer_list<TensorId> operands) {
        add(kernel, std::span(operands.begin(), operands.size()));
    }

    /// Result 0 as `value` plus an input, both broadcast to its shape.
    Value sum(const Value& value, size_t input);

    /// Copies between views of one shape, converting where types differ.
    void copy(const Value& from, const Value& to) { copy(from, to, phase_); }

private:
    Value allocate(const Shape& shape, const Strides& strides, DataType type, Phase phase);
    Value allocateMap(const Shape& shape, DataType type, Phase phase);
    void copy(const Value& from, const Value& to, Phase phase);
    /// What is the same in every run moves once, at the upload.
    Phase phaseOf(const Value& value) const { return value.constant ? Phase::upload : phase_; }
    Value moved(const Value& value, const Value& place);
    Value moved(const Value& value, const Strides& strides, DataType type);

    PlanBuilder& plan_;
    std::string_view label_;
    DataType type_;
    Phase phase_;
};

} // namespace saccade::network
