// SPDX-License-Identifier: Apache-2.0
#include "reference/network.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "reference/network_expression.hpp"
#include "reference/network_operators.hpp"
#include "reference/reference.hpp"

namespace saccade::reference {
namespace {

using nlohmann::json;

/// Inputs and outputs in the order of docs/modules.md.
struct ModuleTensors {
    const char* module;
    std::vector<const char*> inputs, outputs;
};

const std::vector<ModuleTensors>& moduleTensors() {
    static const std::vector<ModuleTensors> modules = {
        {"DeformableAttention1D", {"x"}, {"y", "vgrid", "attention"}},
        {"DeformableAttention2D", {"x"}, {"y", "vgrid", "attention"}},
        {"DeformableAttention3D", {"x"}, {"y", "vgrid", "attention"}},
        {"LocalAttention1D", {"x"}, {"y"}},
        {"LocalAttention2D", {"x"}, {"y"}},
        {"LocalAttention3D", {"x"}, {"y"}},
        {"DynamicSparseAttention", {"x"}, {"y"}},
        {"ShiftedWindowAttention", {"x"}, {"y"}},
        {"grid_sample", {"x", "grid"}, {"y"}},
        {"MSDeformAttn",
         {"query", "reference_points", "x", "spatial_shapes", "level_start_index", "padding_mask"},
         {"y", "sampling_locations"}},
        {"TutorialDeformableAttention", {"x"}, {"y", "grid"}},
        {"onnx.DeformConv", {"X", "W", "offset", "B", "mask"}, {"Y"}},
        {"onnx.GridSample", {"X", "Grid"}, {"Y"}},
        {"PhenakiAttention", {"x", "context", "mask", "attn_bias"}, {"y"}},
        {"PhenakiFeedForward", {"x"}, {"y"}},
        {"PEG", {"x"}, {"y"}},
        {"PhenakiTransformer", {"x", "context", "self_attn_mask", "cross_attn_context_mask", "attn_bias"}, {"y"}},
        {"AlibiPositionalBias", {}, {"bias"}},
        {"ContinuousPositionBias", {}, {"bias"}},
        {"PhenakiLayerNorm", {"x"}, {"y"}},
        {"GEGLU", {"x"}, {"y"}},
        {"l2norm", {"x"}, {"y"}},
        {"Scale", {"x"}, {"y"}},
        {"CPB", {"grid_q", "grid_kv"}, {"bias"}},
        {"DalleAttention", {"x", "mask", "static_mask", "rotary_pos_emb"}, {"y"}},
        {"SparseConvCausalAttention", {"x", "mask", "rotary_pos_emb"}, {"y"}},
        {"SparseAxialCausalAttention", {"x", "mask", "rotary_pos_emb"}, {"y"}},
        {"SparseAttention", {"x", "layout", "mask", "rotary_pos_emb"}, {"y", "y_exclude", "y_reference_add"}},
        {"onnx.Attention",
         {"Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"},
         {"Y", "present_key", "present_value", "qk_matmul_output"}},
        {"onnx.RotaryEmbedding", {"input", "cos_cache", "sin_cache", "position_ids"}, {"output"}},
    };
    return modules;
}

/// One run: the values that exist so far, and the sizes that its inputs fixed.
class Run {
public:
    Run(const json& config, const Tensors& weights) : config_(config), weights_(weights) {}

    void takeInputs(const Tensors& inputs) {
        for (const json& input : config_.at("inputs")) {
            const Tensor& tensor = get(inputs, input.at("name").get<std::string>());
            const json& shape = input.at("shape");
            if (shape.size() != tensor.shape.size())
                throw std::invalid_argument(input.at("name").get<std::string>() + " has another rank");
            for (std::size_t axis = 0; axis < shape.size(); ++axis) {
                const int64_t size = tensor.shape[axis];
                const int64_t fixed = shape[axis].is_string()
                                          ? freeSizes_.emplace(shape[axis].get<std::string>(), size).first->second
                                          : shape[axis].get<int64_t>();
                if (size != fixed)
                    throw std::invalid_argument(input.at("name").get<std::string>() + " has other sizes");
            }
            define(input.at("name"), tensor);
        }
        for (const json& rule : config_.value("requires", json::array()))
            if (evaluateSize(rule.at("expression"), sizes_) != evaluateSize(rule.at("equals"), sizes_))
                throw std::invalid_argument("requires " + rule.dump());
    }

    void takeStates(const Tensors& states) {
        for (const json& state : config_.value("states", json::array())) {
            const std::string name = state.at("name");
            const Shape shape = withNumbers(state.at("shape"), sizes_).get<Shape>();
            const Tensor* kept = find(states, name);
            if (kept && kept->shape != shape)
                throw std::invalid_argument("state " + name + " has another shape");
            define(name, kept ? *kept : Tensor(shape));
        }
    }

    void runNodes() {
        for (const json& node : config_.at("nodes"))
            try {
                runNode(node);
            } catch (const std::exception& error) {
                throw std::invalid_argument(node.at("name").get<std::string>() + " (" +
                                            node.at("op").get<std::string>() + "): " + error.what());
            }
    }

    Tensors outputs() const {
        Tensors results;
        for (const json& output : config_.at("outputs"))
            results[output.at("name")] = get(values_, output.at("value").get<std::string>());
        return results;
    }

    Tensors nextStates() const {
        Tensors next;
        for (const json& state : config_.value("states", json::array())) {
            const std::string name = state.at("name");
            next[name] = get(values_, state.at("next").get<std::string>());
            if (next[name].shape != get(values_, name).shape)
                throw std::invalid_argument("state " + name + " and its next value differ in shape");
        }
        return next;
    }

private:
    void define(const std::string& name, Tensor value) {
        if (!values_.emplace(name, std::move(value)).second)
            throw std::invalid_argument("there are two values " + name);
    }

    /// A value's name, a number, or a list of integers.
    Tensor inputOf(const json& entry) const {
        if (entry.is_string())
            return get(values_, entry.get<std::string>());
        if (entry.is_number())
            return Tensor({}, entry.get<double>());
        Tensor list;
        appendList(list, withNumbers(entry, sizes_), 0);
        return list;
    }

    static void appendList(Tensor& list, const json& entries, std::size_t depth) {
        if (!entries.is_array()) {
            list.data.push_back(static_cast<double>(entries.get<int64_t>()));
            return;
        }
        if (list.shape.size() <= depth)
            list.shape.push_back(static_cast<int64_t>(entries.size()));
        for (const json& entry : entries)
            appendList(list, entry, depth + 1);
    }

    void runNode(const json& described) {
        const std::string op = described.at("op"), name = described.at("name");
        const json config = described.value("config", json::object());
        const json inputs = described.value("inputs", json::array());
        const Tensors weights = withPrefix(weights_, described.value("weights", name) + ".");
        const auto outputs = described.value("outputs", std::vector<std::string>{name});
        if (const Operator compute = operatorOf(op)) {
            Node node{{}, configWithNumbers(config, false, sizes_), weights};
            for (const json& entry : inputs)
                node.inputs.push_back(inputOf(entry));
            define(outputs.at(0), compute(node));
            return;
        }
        const auto& modules = moduleTensors();
        const auto module =
            std::find_if(modules.begin(), modules.end(), [&](const ModuleTensors& m) { return m.module == op; });
        if (module == modules.end())
            throw std::invalid_argument("no such operator");
        Tensors named;
        for (std::size_t i = 0; i < inputs.size(); ++i)
            if (!inputs[i].is_null())
                named[module->inputs.at(i)] = inputOf(inputs[i]);
        json both = configWithNumbers(config, true, sizes_);
        both.update(configWithNumbers(described.value("options", json::object()), true, sizes_));
        const Tensors results = run(op, both, weights, named);
        for (std::size_t i = 0; i < outputs.size(); ++i)
            define(outputs[i], get(results, module->outputs.at(i)));
    }

    const json& config_;
    const Tensors& weights_;
    Tensors values_;
    std::map<std::string, int64_t> freeSizes_;
    const SizeNames sizes_{[this](const std::string& name) {
                               const auto found = freeSizes_.find(name);
                               if (found == freeSizes_.end())
                                   throw std::invalid_argument("no size " + name);
                               return found->second;
                           },
                           [this](const std::string& value, int64_t dim) {
                               const Tensor& tensor = get(values_, value);
                               return tensor.size(dimension(dim, tensor.rank()));
                           }};
};

} // namespace

Operator operatorOf(const std::string& name) {
    for (const Operators* operators :
         {&viewOperators(), &elementwiseOperators(), &reductionOperators(), &layerOperators(), &samplingOperators()})
        if (const auto found = operators->find(name); found != operators->end())
            return found->second;
    return nullptr;
}

Tensors runNetwork(const json& config, const Tensors& weights, const Tensors& inputs, Tensors* states) {
    Run run(config, weights);
    run.takeInputs(inputs);
    run.takeStates(states ? *states : Tensors{});
    run.runNodes();
    if (states)
        *states = run.nextStates();
    return run.outputs();
}

} // namespace saccade::reference
