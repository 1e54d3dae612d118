// SPDX-License-Identifier: Apache-2.0
// The module Network: a list of nodes, each an operator over named values, as one model. docs/networks.md describes
// its configuration.
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "modules/network/network_plan.hpp"
#include "modules/network/node_list.hpp"
#include "modules/network/op.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace network {
namespace {

constexpr Key configKeys[] = {
    Key::json("inputs", "a list of {name, shape, channels, precision}: what the engine binds"),
    Key::json("states", "a list of {name, shape, next}: what a run finds as the last one left it").optional(),
    Key::json("nodes", "a list of {op, name, inputs, outputs, config, options, weights, precision}, in order"),
    Key::json("outputs", "a list of {name, value, channels}: what the engine gets"),
    Key::json("requires", "a list of {expression, equals}: what sizes must fulfil").optional(),
};
constexpr TensorDescription anyInput[] = {
    {"...", Presence::required, floatTypes, "(...)", "one for each of config \"inputs\", of its name and shape"}};
constexpr TensorDescription anyOutput[] = {
    {"...", Presence::required, floatTypes, "(...)", "one for each of config \"outputs\""}};
constexpr const char* limits[] = {
    "A value has at most 6 dimensions and less than 2^31 elements.",
    "A plan runs its whole batch: a run has no smaller one.",
    "Convolutions have at most 7 taps along an axis, depthwise ones 63; heads at most 256 channels.",
};

class Network final : public Module {
public:
    explicit Network(const ModuleSource& source);

    void build(PlanBuilder& plan) const override { NetworkPlan(list_, steps_, plan).build(); }
    const ModuleDescription* description() const override { return &description_; }

private:
    void addStep(const ModuleSource& source, const NodeEntry& node);
    void fuse();
    bool fuseInto(Step& producer, Step& step);
    void markConstants();
    void describe();

    NodeList list_;
    std::pmr::vector<Step> steps_;
    std::pmr::vector<std::pmr::string> texts_; ///< names and shapes of the description
    std::pmr::vector<TensorDescription> tensors_;
    ModuleDescription description_;
};

void checkOperands(const NodeEntry& node, const OpType* type) {
    if (!type)
        return; // a module checks its own
    if (node.inputs.size() < type->minInputs || node.inputs.size() > type->maxInputs)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%zu inputs, %u to %u are wanted", node.inputs.size(), type->minInputs,
                    type->maxInputs);
    if (node.outputs.size() != 1)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%zu outputs, it has one", node.outputs.size());
    if (node.options)
        throw Error(SAC_ERROR_INVALID_CONFIG, "\"options\" are of modules");
    for (size_t i = 0; i < node.inputs.size(); ++i) {
        const Operand::Kind kind = node.inputs[i].kind;
        if (kind != Operand::Kind::value && !(kind == Operand::Kind::number && type->takesNumbers))
            throw Error(SAC_ERROR_INVALID_CONFIG, "input %zu is no value%s", i,
                        type->takesNumbers ? " and no number" : "");
    }
}

Network::Network(const ModuleSource& source)
    : list_(source.config, source.memory), steps_(source.memory), texts_(source.memory), tensors_(source.memory),
      description_(networkDescription) {
    steps_.reserve(list_.nodes.size());
    for (const NodeEntry& node : list_.nodes)
        addStep(source, node);
    fuse();
    markConstants();
    describe();
}

void Network::addStep(const ModuleSource& source, const NodeEntry& node) {
    Step& step = steps_.emplace_back(source.memory);
    step.name = node.name;
    step.type = node.op;
    step.label = node.name;
    step.inputs = node.inputs;
    step.outputs = node.outputs;
    step.float32 = node.float32;
    ofNode(step, [&] {
        const OpType* type = findOp(node.op);
        checkOperands(node, type);
        const ModuleType* module = type ? nullptr : findModule(node.op);
        const WeightSet::Scope scope(source.weights, node.weights, node.float32);
        const JsonValue none{std::span<const JsonMember>()};
        const std::span<const Key> keys = type     ? type->config
                                          : module ? module->description.config
                                                   : std::span<const Key>();
        Config config(node.config && (type || module) ? *node.config : none, {"config", keys, nullptr, {}},
                      source.memory);
        const OpSource op{node.op,      node.inputs,    node.outputs.size(), config,
                          node.options, source.weights, source.memory,       source.warnings};
        step.op = type ? type->make(op) : makeModuleOp(op);
    });
}

// What the one reader of a result does may be done by its maker. The maker then stands where the reader stood.
bool Network::fuseInto(Step& producer, Step& step) {
    const ValueId value = producer.outputs[0];
    if (producer.float32 != step.float32)
        return false;
    if (const std::optional<Activation> activation = step.op->asActivation())
        return producer.op->fuseActivation(*activation);
    if (const uint32_t factor = step.op->asPixelShuffle())
        return producer.op->fusePixelShuffle(factor);
    if (!step.op->isAdd() || !producer.op->fuseResidual())
        return false;
    producer.inputs.push_back(step.inputs[0].value == value ? step.inputs[1] : step.inputs[0]);
    return true;
}

void Network::fuse() {
    std::pmr::memory_resource* memory = steps_.get_allocator().resource();
    std::pmr::vector<uint32_t> readers(list_.valueCount(), 0u, memory);
    constexpr uint32_t none = ~0u;
    std::pmr::vector<uint32_t> makers(list_.valueCount(), none, memory);
    for (const OutputEntry& output : list_.outputs)
        ++readers[output.value];
    for (const StateEntry& state : list_.states)
        ++readers[state.next];
    for (const Step& step : steps_)
        for (const Operand& operand : step.inputs)
            if (operand.value != noValue)
                ++readers[operand.value];
    for (uint32_t i = 0; i < steps_.size(); ++i) {
        Step& step = steps_[i];
        // Of two operands the one made last: what it is added to is there by then.
        uint32_t maker = none;
        for (const Operand& operand : step.inputs)
            if (operand.value != noValue && makers[operand.value] != none && readers[operand.value] == 1)
                maker = maker == none ? makers[operand.value] : std::max(maker, makers[operand.value]);
        for (const ValueId value : step.outputs)
            makers[value] = i;
        if (maker == none || steps_[maker].outputs.size() != 1 || !fuseInto(steps_[maker], step))
            continue;
        Step& producer = steps_[maker];
        producer.label += " + ";
        producer.label += step.type;
        producer.outputs = step.outputs;
        step = std::move(producer); // the producer has no operator any more, and is dropped below
    }
    steps_.erase(std::remove_if(steps_.begin(), steps_.end(), [](const Step& step) { return !step.op; }), steps_.end());
}

void Network::markConstants() {
    std::pmr::vector<bool> constant(list_.valueCount(), false, steps_.get_allocator().resource());
    for (Step& step : steps_) {
        const bool module = findOp(step.type) == nullptr; // builds for runs
        step.constant = !module && std::all_of(step.inputs.begin(), step.inputs.end(), [&](const Operand& operand) {
            return operand.value == noValue || constant[operand.value];
        });
        for (const ValueId value : step.outputs)
            constant[value] = step.constant;
    }
}

void Network::describe() {
    texts_.reserve(2 * (list_.inputs.size() + list_.outputs.size())); // descriptions point into them
    const auto keep = [&](std::string_view text) { return texts_.emplace_back(text).c_str(); };
    const auto shapeText = [&](const JsonValue* shape) {
        std::pmr::string text("(", texts_.get_allocator());
        char number[24];
        for (const JsonValue& size : shape->items()) {
            if (text.size() > 1)
                text += ", ";
            std::snprintf(number, sizeof(number), "%lld", wide(size.asInteger()));
            text += size.isString() ? size.asString() : std::string_view(number);
        }
        text += ')';
        return text;
    };
    for (const InputEntry& input : list_.inputs) {
        const char* name = keep(input.name);
        tensors_.push_back(
            {name, Presence::required, floatTypes, keep(shapeText(input.shape)), "input of the network"});
    }
    for (const OutputEntry& output : list_.outputs)
        tensors_.push_back({keep(output.name), Presence::required, floatTypes, "(...)", "output of the network"});
    description_.inputs = std::span(tensors_).first(list_.inputs.size());
    description_.outputs = std::span(tensors_).subspan(list_.inputs.size());
}

} // namespace
} // namespace network

constexpr ModuleDescription networkDescription{
    "A whole network: nodes over named values, with states from run to run; see networks.md.",
    "torch.nn modules, written by tools/export.py",
    network::configKeys,
    {},
    network::anyInput,
    network::anyOutput,
    network::limits};

ModulePtr makeNetwork(const ModuleSource& source) { return makeModule<network::Network>(source); }

} // namespace saccade
