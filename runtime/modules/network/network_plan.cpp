// SPDX-License-Identifier: Apache-2.0
#include "modules/network/network_plan.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace saccade::network {
namespace {

Strides valueStrides(const Shape& shape, bool channelsLast) {
    return channelsLast ? contiguousStrides(shape) : channelsLastStrides(shape);
}

// Of a map the channels are the second dimension, unless the file says otherwise.
bool channelsAreLast(const OutputEntry& output, const Shape& shape) {
    return output.channelsGiven ? output.channelsLast : shape.size() < 4;
}

} // namespace

NetworkPlan::NetworkPlan(const NodeList& list, std::span<const Step> steps, PlanBuilder& plan)
    : list_(list), steps_(steps), plan_(plan), free_(plan.memory()), shapes_(list.valueCount(), Shape{}, plan.memory()),
      values_(list.valueCount(), Value{}, plan.memory()), needed_(list.valueCount(), false, plan.memory()),
      neededSteps_(steps.size(), false, plan.memory()), makers_(list.valueCount(), none, plan.memory()),
      readers_(list.valueCount(), 0u, plan.memory()), places_(list.valueCount(), Place{}, plan.memory()),
      wholes_(steps.size(), Value{}, plan.memory()), outputs_(plan.memory()), states_(plan.memory()) {}

void NetworkPlan::build() {
    plan_.setBatch(1); // a node may move the batch anywhere: a plan runs all of it
    for (const OutputEntry& entry : list_.outputs)
        if (plan_.wantsOutput(entry.name))
            outputs_.push_back({&entry});
    bindInputs();
    findNeeded();
    inferShapes();
    checkRequirements();
    choosePlaces();
    readInputs();
    addSteps();
    writeOutputs();
    writeStates();
}

const uint64_t* NetworkPlan::freeSize(std::string_view name) const {
    for (const auto& [known, size] : free_)
        if (known == name)
            return &size;
    return nullptr;
}

const Shape* NetworkPlan::shapeOf(std::string_view name) const {
    const ValueId value = list_.find(name);
    return value == noValue || shapes_[value].empty() ? nullptr : &shapes_[value];
}

Shape NetworkPlan::shapeOf(const JsonValue& sizes, const char* what) const {
    Shape shape;
    for (const JsonValue& size : sizes.items()) {
        const int64_t n = evaluateSize(size, *this, what);
        if (n < 1)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s: a size is %lld, at least 1 is wanted", what, wide(n));
        shape.push_back(static_cast<uint64_t>(n));
    }
    return shape;
}

void NetworkPlan::bindInputs() {
    for (const InputEntry& input : list_.inputs) {
        const auto sizes = input.shape->items();
        const Shape& shape = plan_.inputShape(input.name, static_cast<uint32_t>(sizes.size()));
        for (uint32_t i = 0; i < sizes.size(); ++i) {
            if (shape[i] == 0)
                throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\": shape[%u] is 0", clip(input.name),
                            input.name.data(), i);
            if (sizes[i].isInteger()) {
                plan_.expectDimension(input.name, i, static_cast<uint64_t>(sizes[i].asInteger()), "the network's");
                continue;
            }
            const std::string_view name = sizes[i].asString();
            const uint64_t* known = freeSize(name);
            if (known && *known != shape[i])
                throw Error(SAC_ERROR_INVALID_ARGUMENT,
                            "input \"%.*s\": shape[%u] is %llu, it must be %llu (the network's %.*s)", clip(input.name),
                            input.name.data(), i, wide(shape[i]), wide(*known), clip(name), name.data());
            if (!known)
                free_.push_back({name, shape[i]});
        }
        shapes_[input.value] = shape;
    }
    for (const StateEntry& state : list_.states)
        shapes_[state.value] = shapeOf(*state.shape, "config \"states\": a shape");
}

// From the outputs that the plan has, and the states, backwards.
void NetworkPlan::findNeeded() {
    for (const Output& output : outputs_)
        needed_[output.entry->value] = true;
    for (const StateEntry& state : list_.states)
        needed_[state.next] = true;
    for (uint32_t i = static_cast<uint32_t>(steps_.size()); i-- > 0;) {
        const Step& step = steps_[i];
        for (const ValueId value : step.outputs) {
            makers_[value] = i;
            neededSteps_[i] = neededSteps_[i] || needed_[value];
        }
        if (!neededSteps_[i])
            continue;
        for (const Operand& operand : step.inputs)
            if (operand.value != noValue) {
                needed_[operand.value] = true;
                ++readers_[operand.value];
            }
    }
}

DataType NetworkPlan::typeOf(const Step& step) const { return step.float32 ? DataType::f32 : plan_.storage(); }

NodeBuilder NetworkPlan::builderOf(std::string_view label, DataType type) {
    return NodeBuilder(plan_, *this, label, type, Phase::run);
}

NodeBuilder NetworkPlan::builderOf(const Step& step) {
    NodeBuilder node(plan_, *this, step.label, typeOf(step), step.constant ? Phase::upload : Phase::run);
    for (const Operand& operand : step.inputs)
        node.inputs.push_back({operand.value == noValue ? Value{} : values_[operand.value], operand});
    for (const ValueId value : step.outputs)
        node.results.push_back({shapes_[value], std::nullopt, {}});
    return node;
}

void NetworkPlan::inferShapes() {
    std::pmr::vector<Shape> inputs(plan_.memory());
    for (uint32_t i = 0; i < steps_.size(); ++i) {
        if (!neededSteps_[i])
            continue;
        const Step& step = steps_[i];
        plan_.graph().tick();
        inputs.clear();
        for (const Operand& operand : step.inputs)
            inputs.push_back(operand.value == noValue ? Shape{} : shapes_[operand.value]);
        FixedVector<Shape, 8> results;
        results.resize(step.outputs.size());
        ofNode(step, [&] {
            NodeBuilder node = builderOf(step);
            Inference inference{inputs, *this, std::span(results.begin(), results.size()), node};
            step.op->infer(inference);
            for (const Shape& result : results)
                if (elementCount(result) > INT32_MAX)
                    throw Error(SAC_ERROR_UNSUPPORTED, "its result of shape %s has 2^31 elements or more",
                                ShapeText(result).text());
        });
        for (size_t r = 0; r < results.size(); ++r)
            shapes_[step.outputs[r]] = results[r];
    }
    for (const StateEntry& state : list_.states)
        if (shapes_[state.next] != shapes_[state.value])
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "state \"%.*s\" has shape %s, but its next, \"%.*s\", has shape %s",
                        clip(state.name), state.name.data(), ShapeText(shapes_[state.value]).text(),
                        clip(list_.valueName(state.next)), list_.valueName(state.next).data(),
                        ShapeText(shapes_[state.next]).text());
}

void NetworkPlan::checkRequirements() const {
    for (const Requirement& requirement : list_.requirements)
        if (const int64_t value = evaluate(requirement.expression, *this); value != requirement.equals)
            throw Error(
                SAC_ERROR_INVALID_ARGUMENT, "the network was traced for \"%.*s\" being %lld, these inputs make it %lld",
                clip(requirement.expression), requirement.expression.data(), wide(requirement.equals), wide(value));
}

// A value has one place, which its maker writes to; views are made nowhere, and the upload does not write what runs do.
bool NetworkPlan::claim(ValueId value, Place place, DataType type) {
    const uint32_t maker = makers_[value];
    if (maker == none || places_[value].kind != Place::Kind::anywhere)
        return false;
    const Step& step = steps_[maker];
    if (step.op->isView() || step.constant || typeOf(step) != type)
        return false;
    places_[value] = place;
    return true;
}

void NetworkPlan::choosePlaces() {
    chooseConcatPlaces();
    for (uint32_t i = 0; i < outputs_.size(); ++i)
        claim(outputs_[i].entry->value, {Place::Kind::output, i}, plan_.storage());
    chooseStatePlaces();
}

void NetworkPlan::chooseConcatPlaces() {
    for (uint32_t i = 0; i < steps_.size(); ++i) {
        if (!neededSteps_[i] || steps_[i].constant)
            continue;
        const Step& step = steps_[i];
        const Shape& shape = shapes_[step.outputs[0]];
        const std::optional<uint32_t> dim = step.op->concatDimension(shape.size());
        if (!dim)
            continue;
        uint32_t offset = 0;
        for (const Operand& part : step.inputs) {
            claim(part.value, {Place::Kind::concat, i, offset}, typeOf(step));
            offset += static_cast<uint32_t>(shapes_[part.value][*dim]);
        }
    }
}

// The next contents may be written in place once nothing reads the old ones any more.
void NetworkPlan::chooseStatePlaces() {
    constexpr uint32_t never = none;
    std::pmr::vector<uint32_t> stateOf(list_.valueCount(), none, plan_.memory()); // that a value may be a view of
    std::pmr::vector<uint32_t> lastRead(list_.states.size(), 0u, plan_.memory()); // the step behind it
    for (uint32_t i = 0; i < list_.states.size(); ++i)
        stateOf[list_.states[i].value] = i;
    for (uint32_t i = 0; i < steps_.size(); ++i) {
        if (!neededSteps_[i])
            continue;
        for (const Operand& operand : steps_[i].inputs) {
            if (operand.value == noValue || stateOf[operand.value] == none)
                continue;
            lastRead[stateOf[operand.value]] = i + 1;
            if (steps_[i].op->isView())
                for (const ValueId result : steps_[i].outputs)
                    stateOf[result] = stateOf[operand.value];
        }
    }
    for (const Output& output : outputs_)
        if (const uint32_t state = stateOf[output.entry->value]; state != none)
            lastRead[state] = never;
    for (const StateEntry& state : list_.states)
        if (const uint32_t source = stateOf[state.next]; source != none)
            lastRead[source] = never;
    for (uint32_t i = 0; i < list_.states.size(); ++i) {
        const StateEntry& state = list_.states[i];
        const Shape& shape = shapes_[state.value];
        const uint32_t maker = makers_[state.next];
        const DataType type = maker == none ? plan_.storage() : typeOf(steps_[maker]);
        Value value;
        value.type = type;
        value.shape = shape;
        value.strides = channelsLastStrides(shape);
        value.tensor = plan_.graph().state(state.name, type, shape);
        states_.push_back(value);
        values_[state.value] = value;
        if (maker != none && maker >= lastRead[i])
            claim(state.next, {Place::Kind::state, i}, type);
    }
}

void NetworkPlan::readInputs() {
    for (const InputEntry& input : list_.inputs) {
        if (!needed_[input.value])
            continue;
        const Shape& shape = shapes_[input.value];
        Value& value = values_[input.value];
        value.type = input.float32 ? DataType::f32 : plan_.storage();
        value.shape = shape;
        value.strides = valueStrides(shape, input.channelsLast);
        value.tensor =
            plan_.inputTokens(input.name, input.channelsLast ? ChannelAxis::last : ChannelAxis::second, value.type);
    }
}

Value NetworkPlan::wholeOf(uint32_t step) {
    Value& whole = wholes_[step];
    if (whole.tensor != noTensor)
        return whole;
    const ValueId result = steps_[step].outputs[0];
    whole = placeOf(result);
    if (whole.tensor == noTensor) {
        const Shape& shape = shapes_[result];
        const bool map = shape.size() > 2 && steps_[step].op->concatDimension(shape.size()) == 1;
        NodeBuilder builder = builderOf(steps_[step].label, typeOf(steps_[step]));
        whole = map ? builder.temporaryMap(shape, builder.type())
                    : builder.temporary(shape, contiguousStrides(shape), builder.type());
    }
    return whole;
}

void NetworkPlan::begin(Output& output, bool canWriteChannelMajor) {
    const ValueId id = output.entry->value;
    const Shape& shape = shapes_[id];
    const bool last = channelsAreLast(*output.entry, shape);
    output.target = plan_.beginOutput(output.entry->name, shape, last ? ChannelAxis::last : ChannelAxis::second,
                                      canWriteChannelMajor);
    output.value.tensor = output.target.tensor;
    output.value.type = plan_.storage();
    output.value.shape = shape;
    output.value.strides = last || output.target.channelMajor ? contiguousStrides(shape) : channelsLastStrides(shape);
    output.begun = true;
}

// No tensor: anywhere.
Value NetworkPlan::placeOf(ValueId value) {
    const Place& place = places_[value];
    switch (place.kind) {
    case Place::Kind::anywhere:
        break;
    case Place::Kind::concat: {
        const Value whole = wholeOf(place.index);
        const uint32_t dim = *steps_[place.index].op->concatDimension(whole.rank());
        return sliced(whole, dim, place.offset, static_cast<uint32_t>(shapes_[value][dim]));
    }
    case Place::Kind::output: {
        Output& output = outputs_[place.index];
        // Who reads a map on wants its channels side by side.
        const bool channelMajor = steps_[makers_[value]].op->writesChannelMajor() && readers_[value] == 0;
        begin(output, channelMajor);
        return output.value;
    }
    case Place::Kind::state:
        return states_[place.index];
    }
    return {};
}

void NetworkPlan::addSteps() {
    for (uint32_t i = 0; i < steps_.size(); ++i) {
        if (!neededSteps_[i])
            continue;
        const Step& step = steps_[i];
        ofNode(step, [&] {
            NodeBuilder node = builderOf(step);
            const bool concatenates = !step.constant && step.op->concatDimension(shapes_[step.outputs[0]].size());
            for (size_t r = 0; r < step.outputs.size(); ++r) {
                const Value place = concatenates ? wholeOf(i) : placeOf(step.outputs[r]);
                if (place.tensor != noTensor)
                    node.results[r].place = place;
            }
            step.op->build(node);
            for (size_t r = 0; r < step.outputs.size(); ++r) {
                const NodeBuilder::Result& result = node.results[r];
                values_[step.outputs[r]] = result.value;
                if (result.place && !sameView(result.value, *result.place)) {
                    node.copy(result.value, *result.place);
                    values_[step.outputs[r]] = *result.place;
                }
            }
        });
    }
}

void NetworkPlan::writeOutputs() {
    for (Output& output : outputs_) {
        if (!output.begun)
            begin(output, true);
        const Value& value = values_[output.entry->value];
        if (!sameView(value, output.value))
            builderOf(output.entry->name, plan_.storage()).copy(value, output.value);
        plan_.endOutput(output.target);
    }
}

// States that become what another was are read before any is written.
void NetworkPlan::writeStates() {
    const auto isState = [&](const Value& value) {
        return std::any_of(states_.begin(), states_.end(),
                           [&](const Value& state) { return state.tensor == value.tensor; });
    };
    for (uint32_t i = 0; i < states_.size(); ++i) {
        Value& next = values_[list_.states[i].next];
        if (sameView(next, states_[i]) || !isState(next))
            continue;
        NodeBuilder node = builderOf(list_.states[i].name, next.type);
        const Value copied = node.temporary(next.shape, stridesLike(next.shape, next), next.type);
        node.copy(next, copied);
        next = copied;
    }
    for (uint32_t i = 0; i < states_.size(); ++i)
        if (const Value& next = values_[list_.states[i].next]; !sameView(next, states_[i]))
            builderOf(list_.states[i].name, states_[i].type).copy(next, states_[i]);
}

} // namespace saccade::network
