// SPDX-License-Identifier: Apache-2.0
// A registered module as an operator: built into the network's graph as into a plan of its own, whose inputs and
// outputs are values.
#include <cstdio>
#include <string>

#include "base/error.hpp"
#include "base/text.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"
#include "modules/registry.hpp"

namespace saccade::network {
namespace {

constexpr size_t maxTensors = 16; // inputs or outputs of a module

/// A list of integers of a node's inputs, read now: what hostData points to.
struct HostIntegers {
    explicit HostIntegers(std::pmr::memory_resource* memory) : values(memory) {}

    Shape shape{};
    std::pmr::vector<int64_t> values;

    void read(const JsonValue& list, const Sizes& sizes, size_t depth = 0) {
        const auto items = list.items();
        if (depth == shape.size())
            shape.push_back(items.size());
        if (depth >= maxRank || items.empty() || shape[depth] != items.size())
            refuseShape("a list of integers among its inputs is no tensor: its parts differ in length, or are empty");
        for (const JsonValue& item : items) {
            if (item.isArray())
                read(item, sizes, depth + 1);
            else if (depth + 1 != shape.size())
                refuseShape("a list of integers among its inputs is no tensor: its parts differ in depth");
            else
                values.push_back(evaluateSize(item, sizes, "a list among its inputs"));
        }
    }
};

class ModuleOp final : public Op {
public:
    ModuleOp(const OpSource& source, const ModuleType& type)
        : type_(type), weights_(source.weights), options_(source.options), outputCount_(source.outputCount),
          module_(type.make({type.name, source.config, source.weights, source.memory, source.warnings})) {
        if (source.inputs.size() > type.description.inputs.size())
            throw Error(SAC_ERROR_INVALID_CONFIG, "%zu inputs, the module has %s", source.inputs.size(),
                        namesOf(type.description.inputs).text());
        if (outputCount_ > type.description.outputs.size())
            throw Error(SAC_ERROR_INVALID_CONFIG, "%zu outputs, the module has %s", outputCount_,
                        namesOf(type.description.outputs).text());
    }

    // What a module makes of its inputs is known by building it: here into a graph that is dropped.
    void infer(Inference& s) const override {
        NodeBuilder& node = s.node;
        Graph scratch(node.plan().memory(), node.device().minStorageBufferOffsetAlignment, node.plan().progress());
        for (size_t i = 0; i < s.inputs.size(); ++i)
            if (!s.inputs[i].empty()) {
                Value& value = node.inputs[i].value;
                value.type = node.type();
                value.shape = s.inputs[i];
                value.strides = contiguousStrides(value.shape);
                value.tensor = scratch.intermediate("", value.type, value.shape);
            }
        run(node, scratch, false, [&](size_t i, const PlanTensor& tensor) { s.results[i] = tensor.shape; });
    }

    void build(NodeBuilder& node) const override {
        run(node, node.graph(), true, [&](size_t i, const PlanTensor& tensor) {
            Value value;
            value.tensor = tensor.tensor;
            value.type = tensor.type;
            value.shape = tensor.shape;
            value.strides = tensor.channelsLast ? channelsLastStrides(tensor.shape) : contiguousStrides(tensor.shape);
            node.set(i, value);
        });
    }

private:
    template <class Result>
    void run(NodeBuilder& node, Graph& graph, bool real, Result&& result) const {
        const ModuleDescription& description = type_.description;
        std::pmr::memory_resource* memory = node.plan().memory();
        FixedVector<TensorRequest, maxTensors> requests;
        FixedVector<EmbeddedInput, maxTensors> embedded;
        std::pmr::vector<HostIntegers> integers(memory);
        integers.reserve(node.inputs.size()); // requests point into them
        for (size_t i = 0; i < node.inputs.size(); ++i) {
            if (!node.has(i))
                continue;
            const TensorDescription& described = description.inputs[i];
            TensorRequest request;
            request.name = described.name;
            if (node.inputs[i].operand.kind == Operand::Kind::integers) {
                HostIntegers& list = integers.emplace_back(memory);
                list.read(*node.inputs[i].operand.integers, node.sizes);
                request.type = DataType::i64;
                request.shape = list.shape;
                request.hostData = list.values.data();
                request.hostDataSize = list.values.size() * sizeof(int64_t);
            } else {
                const bool floats = described.types[0] == DataType::f32 && described.types.size() == 1;
                Value value = !real ? node.raw(i) : floats ? node.as(node.raw(i), DataType::f32) : node.input(i);
                if (floats)
                    value.type = DataType::f32;
                const bool channelsLast = real && !isContiguous(value) && isChannelsLast(value) && value.offset == 0;
                if (real && !channelsLast)
                    value = node.dense(value);
                request.type = value.type;
                request.shape = value.shape;
                embedded.push_back({request.name, value.tensor, channelsLast});
            }
            requests.push_back(request);
        }
        FixedVector<TensorRequest, maxTensors> outputs;
        for (size_t i = 0; i < outputCount_; ++i) {
            TensorRequest request;
            request.name = description.outputs[i].name;
            if (description.outputs[i].types.size() > 1)
                request.type = node.type();
            outputs.push_back(request);
        }
        const JsonValue none{std::span<const JsonMember>()};
        Config options(options_ ? *options_ : none,
                       {"option", description.options, "of the configuration", description.config}, memory);
        const PlanRequest request{type_.name, description, requests,           outputs,
                                  options,    node.type(), node.plan().bias(), node.plan().progress()};
        PlanBuilder builder(request, weights_, node.device(), memory, graph, embedded, node.plan().storage());
        module_->build(builder);
        for (const PlanTensor& tensor : builder.tensors())
            for (size_t i = 0; i < outputCount_; ++i)
                if (tensor.output && tensor.name == description.outputs[i].name)
                    result(i, tensor);
        if (!real)
            return;
        if (builder.biasReport().mode != BiasMode::automatic)
            node.plan().biasReport() = builder.biasReport();
        for (const std::pmr::string& message : builder.warnings().messages())
            node.plan().warnings().add("node \"%.*s\": %s", clip(node.label()), node.label().data(), message.c_str());
    }

    const ModuleType& type_;
    const WeightSet& weights_;
    const JsonValue* options_;
    size_t outputCount_;
    ModulePtr module_;
};

} // namespace

OpPtr makeModuleOp(const OpSource& source) {
    const ModuleType* type = findModule(source.op);
    if (!type || type->name == std::string_view("Network"))
        throw Error(SAC_ERROR_INVALID_CONFIG,
                    "op \"%.*s\" is unknown; docs/networks.md and sacGetModuleName list what "
                    "there is",
                    clip(source.op), source.op.data());
    return OpPtr(create<ModuleOp>(source.memory, source, *type),
                 {source.memory,
                  [](std::pmr::memory_resource* memory, Op* op) { destroy(memory, static_cast<ModuleOp*>(op)); }});
}

} // namespace saccade::network
