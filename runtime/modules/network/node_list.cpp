// SPDX-License-Identifier: Apache-2.0
#include "modules/network/node_list.hpp"

#include <algorithm>
#include <functional>

#include "base/error.hpp"
#include "base/text.hpp"
#include "modules/network/expression.hpp"

namespace saccade::network {
namespace {

[[noreturn]] void refuse(const char* list, std::string_view name, const char* rule) {
    throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": \"%.*s\" %s", list, clip(name), name.data(), rule);
}

// An entry of a list: an object that has no members but these.
void requireObject(const JsonValue& entry, const char* list, std::initializer_list<const char*> keys) {
    if (!entry.isObject())
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": %s is not an object", list, JsonSummary(entry).text());
    for (const JsonMember& member : entry.members()) {
        if (std::any_of(keys.begin(), keys.end(), [&](const char* key) { return member.key == key; }))
            continue;
        NameList known;
        for (const char* key : keys)
            known.add(key);
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": an entry has \"%.*s\"; there are %s", list,
                    clip(member.key), member.key.data(), known.text());
    }
}

// A member, or null where it is missing or null.
const JsonValue* memberOf(const JsonValue& entry, const char* key) {
    const JsonValue* value = entry.find(key);
    return value && !value->isNull() ? value : nullptr;
}

std::string_view stringOf(const JsonValue& entry, const char* list, const char* key) {
    const JsonValue* value = memberOf(entry, key);
    if (!value || !value->isString() || value->asString().empty())
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": an entry's \"%s\" is %s, it must be a name", list, key,
                    value ? JsonSummary(*value).text() : "missing");
    return value->asString();
}

const JsonValue* shapeOf(const JsonValue& entry, const char* list, std::string_view name) {
    const JsonValue* shape = memberOf(entry, "shape");
    if (!shape || !shape->isArray() || shape->items().empty())
        refuse(list, name, "has no \"shape\", a list of sizes");
    if (shape->items().size() > 6)
        refuse(list, name, "has a shape of more than 6 dimensions");
    return shape;
}

// Whether the entry says "channels": "last"; `byRank` where it says nothing.
bool channelsAreLast(const JsonValue& entry, const char* list, std::string_view name, bool byRank) {
    const JsonValue* channels = memberOf(entry, "channels");
    if (!channels)
        return byRank;
    if (channels->asString() != "last" && channels->asString() != "second")
        refuse(list, name, "has \"channels\" that are neither \"second\" nor \"last\"");
    return channels->asString() == "last";
}

bool isFloat32(const JsonValue& entry, const char* list, std::string_view name) {
    const JsonValue* precision = memberOf(entry, "precision");
    if (!precision)
        return false;
    if (precision->asString() != "float32")
        refuse(list, name, "has a \"precision\" other than \"float32\"");
    return true;
}

const JsonValue* objectOf(const JsonValue& entry, const char* key, std::string_view name) {
    const JsonValue* object = memberOf(entry, key);
    if (object && !object->isObject())
        throw Error(SAC_ERROR_INVALID_CONFIG, "node \"%.*s\": \"%s\" is %s, no object", clip(name), name.data(), key,
                    JsonSummary(*object).text());
    return object;
}

std::span<const JsonValue> itemsOf(const JsonValue* list, const char* name) {
    if (list && !list->isArray())
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": %s is not an array", name, JsonSummary(*list).text());
    return list ? list->items() : std::span<const JsonValue>();
}

void requireIntegers(const JsonValue& list, std::string_view node) {
    for (const JsonValue& item : list.items()) {
        if (item.isArray())
            requireIntegers(item, node);
        else if (!item.isInteger() && !item.isString())
            throw Error(SAC_ERROR_INVALID_CONFIG, "node \"%.*s\": a list among its inputs has %s, no size", clip(node),
                        node.data(), JsonSummary(item).text());
    }
}

} // namespace

NodeList::NodeList(Config& config, std::pmr::memory_resource* memory)
    : inputs(memory), states(memory), nodes(memory), outputs(memory), requirements(memory), memory_(memory),
      names_(memory), sorted_(memory) {
    for (const JsonValue& entry : itemsOf(config.json("inputs"), "inputs"))
        readInput(entry);
    const auto stateEntries = itemsOf(config.json("states"), "states");
    for (const JsonValue& entry : stateEntries)
        readState(entry);
    const auto nodeEntries = itemsOf(config.json("nodes"), "nodes");
    nodes.reserve(nodeEntries.size());
    for (const JsonValue& entry : nodeEntries)
        readNode(entry);
    for (size_t i = 0; i < states.size(); ++i) {
        const JsonValue* next = memberOf(stateEntries[i], "next");
        if (!next)
            refuse("states", states[i].name, "has no \"next\", the value that a run leaves");
        states[i].next = use(*next, "states", states[i].name);
    }
    for (const JsonValue& entry : itemsOf(config.json("outputs"), "outputs"))
        readOutput(entry);
    if (outputs.empty())
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"outputs\" is empty, a network has at least one");
    for (const JsonValue& entry : itemsOf(config.json("requires"), "requires")) {
        requireObject(entry, "requires", {"expression", "equals"});
        const JsonValue* equals = memberOf(entry, "equals");
        if (!equals || !equals->isInteger())
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"requires\": an entry's \"equals\" is no integer");
        requirements.push_back({stringOf(entry, "requires", "expression"), equals->asInteger()});
    }
}

ValueId NodeList::find(std::string_view name) const {
    if (sorted_.empty())
        return noValue;
    const size_t mask = sorted_.size() - 1;
    for (size_t slot = std::hash<std::string_view>{}(name)&mask;; slot = (slot + 1) & mask)
        if (sorted_[slot] == noValue || names_[sorted_[slot]] == name)
            return sorted_[slot];
}

ValueId NodeList::define(std::string_view name, const char* what) {
    if (find(name) != noValue)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%.*s\": a value of this name exists already", what, clip(name),
                    name.data());
    names_.push_back(name);
    const auto place = [&](ValueId value) {
        const size_t mask = sorted_.size() - 1;
        size_t slot = std::hash<std::string_view>{}(names_[value]) & mask;
        while (sorted_[slot] != noValue)
            slot = (slot + 1) & mask;
        sorted_[slot] = value;
    };
    if (names_.size() * 2 > sorted_.size()) {
        sorted_.assign(std::max<size_t>(sorted_.size() * 2, 16), noValue);
        for (ValueId value = 0; value < names_.size(); ++value)
            place(value);
    } else {
        place(static_cast<ValueId>(names_.size() - 1));
    }
    return static_cast<ValueId>(names_.size() - 1);
}

ValueId NodeList::use(const JsonValue& name, const char* list, std::string_view reader) const {
    const ValueId value = name.isString() ? find(name.asString()) : noValue;
    if (value == noValue)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%.*s\" reads %s, which no input, state or earlier node defines",
                    list, clip(reader), reader.data(), JsonSummary(name).text());
    return value;
}

void NodeList::readInput(const JsonValue& entry) {
    requireObject(entry, "inputs", {"name", "shape", "channels", "precision"});
    InputEntry input;
    input.name = stringOf(entry, "inputs", "name");
    input.value = define(input.name, "input");
    input.shape = shapeOf(entry, "inputs", input.name);
    for (const JsonValue& size : input.shape->items())
        if (!(size.isInteger() && size.asInteger() > 0) && !isSizeName(size.asString()))
            refuse("inputs", input.name, "has a shape with what is neither a positive number nor a name");
    const size_t rank = input.shape->items().size();
    input.channelsLast = channelsAreLast(entry, "inputs", input.name, rank < 4);
    input.float32 = isFloat32(entry, "inputs", input.name);
    inputs.push_back(input);
}

void NodeList::readState(const JsonValue& entry) {
    requireObject(entry, "states", {"name", "shape", "next"});
    StateEntry state;
    state.name = stringOf(entry, "states", "name");
    state.value = define(state.name, "state");
    state.shape = shapeOf(entry, "states", state.name);
    for (const JsonValue& size : state.shape->items())
        requireSize(size, "config \"states\": a shape");
    states.push_back(state);
}

Operand NodeList::readOperand(const JsonValue& value, std::string_view node) const {
    Operand operand;
    if (value.isNull())
        return operand;
    if (value.isNumber()) {
        operand.kind = Operand::Kind::number;
        operand.number = value.asNumber();
    } else if (value.isArray()) {
        operand.kind = Operand::Kind::integers;
        operand.integers = &value;
        requireIntegers(value, node);
    } else {
        operand.kind = Operand::Kind::value;
        operand.value = use(value, "node", node);
    }
    return operand;
}

void NodeList::readNode(const JsonValue& entry) {
    requireObject(entry, "nodes", {"op", "name", "inputs", "outputs", "config", "options", "weights", "precision"});
    NodeEntry& node = nodes.emplace_back(memory_);
    node.name = stringOf(entry, "nodes", "name");
    node.op = stringOf(entry, "nodes", "op");
    node.weights = memberOf(entry, "weights") ? stringOf(entry, "nodes", "weights") : node.name;
    node.float32 = isFloat32(entry, "nodes", node.name);
    node.config = objectOf(entry, "config", node.name);
    node.options = objectOf(entry, "options", node.name);
    const auto operands = itemsOf(memberOf(entry, "inputs"), "inputs of a node");
    if (operands.size() > maxOperands)
        refuse("nodes", node.name, "has more than 64 inputs");
    for (const JsonValue& operand : operands)
        node.inputs.push_back(readOperand(operand, node.name));
    const auto results = itemsOf(memberOf(entry, "outputs"), "outputs of a node");
    if (results.size() > decltype(node.outputs)::capacity())
        refuse("nodes", node.name, "has more than 8 outputs");
    for (const JsonValue& result : results) {
        if (!result.isString() || result.asString().empty())
            refuse("nodes", node.name, "has an output that is no name");
        node.outputs.push_back(define(result.asString(), "node output"));
    }
    if (results.empty())
        node.outputs.push_back(define(node.name, "node"));
}

void NodeList::readOutput(const JsonValue& entry) {
    requireObject(entry, "outputs", {"name", "value", "channels"});
    OutputEntry output;
    output.name = stringOf(entry, "outputs", "name");
    for (const OutputEntry& other : outputs)
        if (other.name == output.name)
            refuse("outputs", output.name, "stands there twice");
    for (const InputEntry& input : inputs)
        if (input.name == output.name)
            refuse("outputs", output.name, "is the name of an input too");
    const JsonValue* value = memberOf(entry, "value");
    if (!value)
        refuse("outputs", output.name, "has no \"value\"");
    output.value = use(*value, "output", output.name);
    output.channelsGiven = memberOf(entry, "channels") != nullptr;
    output.channelsLast = channelsAreLast(entry, "outputs", output.name, false);
    outputs.push_back(output);
}

} // namespace saccade::network
