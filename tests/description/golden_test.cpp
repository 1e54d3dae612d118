// SPDX-License-Identifier: Apache-2.0
// Descriptions against what modules do: over all golden files, the keys, inputs and outputs that a module asks for are
// the described ones, each of them is asked for in some case, and types and shapes are as described.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "api/objects.hpp"
#include "description/shape_rule.hpp"
#include "support/golden.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

// What a golden file does not bring.
struct Variation {
    const char* file;
    const char* options;
    const char* input; ///< one more: int32, of one element; null: none
};
constexpr Variation variations[] = {
    {"golden/dalle_attention_0", R"({"cache": true})", "offset"},
    {"golden/dalle_block_sparse_0", R"({"padding": "exclude"})", nullptr},
};

struct Asked {
    std::set<std::string> config, options, inputs, outputs;
};

template <class Described>
void note(std::set<std::string>& names, const Described& described, const std::pmr::vector<bool>& asked) {
    for (std::size_t i = 0; i < described.size(); ++i)
        if (asked[i])
            names.insert(described[i].name);
}

template <class Described>
std::set<std::string> namesIn(const Described& described) {
    std::set<std::string> names;
    for (const auto& item : described)
        names.insert(item.name);
    return names;
}

ShapeNames configuredSizes(const ModuleDescription& description, Config& config) {
    ShapeNames names;
    for (const Key& key : description.config)
        if (key.type == KeyType::integer && (key.absent != Absent::allowed || config.has(key.name)))
            names.sizes[key.name] = static_cast<uint64_t>(config.integer(key.name));
    return names;
}

// Plan tensors in the order of the description, so that inputs bind the names of sizes.
void checkTensors(const ModuleDescription& description, const std::pmr::vector<PlanTensor>& tensors, ShapeNames names,
                  bool defaultTypes) {
    for (const bool output : {false, true})
        for (const TensorDescription& described : output ? description.outputs : description.inputs)
            for (const PlanTensor& tensor : tensors) {
                if (tensor.output != output || tensor.name != described.name)
                    continue;
                EXPECT_NE(std::find(described.types.begin(), described.types.end(), tensor.type), described.types.end())
                    << described.name << " is " << dataTypeName(tensor.type);
                if (defaultTypes) {
                    EXPECT_EQ(tensor.type, described.types[0]) << described.name;
                }
                EXPECT_EQ(tensor.host, isHost(described.presence)) << described.name;
                const std::vector<uint64_t> shape(tensor.shape.begin(), tensor.shape.end());
                EXPECT_TRUE(matchesRule(described.shape, shape, names))
                    << described.name << " is " << testing::PrintToString(shape) << ", described as "
                    << described.shape;
            }
}

class Descriptions : public GpuTest {
protected:
    /// Builds the file's module and plan as sacCreateModel and sacCreatePlan do, and notes what is asked for.
    void build(const std::filesystem::path& path, const Variation& variation) {
        const GoldenCase golden(path);
        std::pmr::memory_resource* memory = std::pmr::new_delete_resource();
        const Safetensors file(golden.bytes, memory);
        const ModuleType* type = findModule(golden.module());
        ASSERT_TRUE(type) << golden.module();
        const ModuleDescription& description = type->description;
        const JsonDocument configuration = parseJson(*file.metadata("config"), memory);
        Config config(configuration.root(), {"config", description.config}, memory);
        WeightSet weights(&file, "w.", memory);
        Warnings warnings(memory);
        const ModulePtr module = type->make({type->name, config, weights, memory, warnings});
        Asked& asked = asked_[type->name];
        note(asked.config, description.config, config.asked());
        const ShapeNames sizes = configuredSizes(description, config);

        std::vector<TensorRequest> outputs;
        for (const auto& [name, tensor] : golden.outputs)
            outputs.push_back({name, std::nullopt, false, {}, nullptr, {}});
        for (const bool defaultTypes : {false, true}) {
            std::vector<TensorRequest> inputs;
            for (const TensorView& tensor : file.tensors()) {
                if (!tensor.name.starts_with("in."))
                    continue;
                TensorRequest request{tensor.name.substr(3), tensor.type, false, {}, tensor.data, {}};
                request.hostDataSize = static_cast<size_t>(tensor.bytes);
                request.shape = Shape(std::span<const uint64_t>(tensor.shape.data(), tensor.shape.size()));
                const auto described =
                    std::find_if(description.inputs.begin(), description.inputs.end(),
                                 [&](const TensorDescription& input) { return input.name == request.name; });
                ASSERT_NE(described, description.inputs.end()) << request.name;
                if (defaultTypes && described->types[0] != tensor.type)
                    return; // its values could not be read
                if (defaultTypes)
                    request.type.reset();
                inputs.push_back(request);
            }
            if (variation.input)
                inputs.push_back({variation.input, std::nullopt, false, {1}, nullptr, 0, {}});
            const JsonDocument forward = parseJson(variation.options, memory);
            Config options(forward.root(), {"option", description.options}, memory);
            const PlanRequest request{type->name, description, inputs, outputs, options, DataType::f32, {}};
            PlanBuilder builder(request, weights, context_.get()->device.profile, memory);
            module->build(builder);
            note(asked.options, description.options, options.asked());
            note(asked.inputs, description.inputs, builder.askedInputs());
            note(asked.outputs, description.outputs, builder.askedOutputs());
            checkTensors(description, builder.tensors(), sizes, defaultTypes);
        }
    }

    void build(const std::filesystem::path& path, const char* options, const char* input) {
        SCOPED_TRACE(path.filename().string());
        ASSERT_NO_THROW(build(path, {nullptr, options, input}));
    }

    std::map<std::string, Asked> asked_;

private:
    Context context_{device()};
};

// A key, input or output that a module asks for and its table does not have throws in any test that meets it; here are
// the others: whatever is described is asked for somewhere.
TEST_F(Descriptions, areWhatModulesAskFor) {
    for (const char* folder : {"golden", "onnx", "sparse"})
        for (const auto& entry : std::filesystem::directory_iterator(std::string(SACCADE_TEST_DATA "/") + folder))
            if (entry.path().extension() == ".safetensors")
                build(entry.path(), "{}", nullptr);
    // Of this one there is no file of reference results.
    const nlohmann::json config = {{"dim", 8}, {"window_size", {4, 2}}, {"shift_size", {1, 1}}, {"num_heads", 2}};
    const std::filesystem::path made = std::filesystem::path(testing::TempDir()) / "shifted_window.safetensors";
    const std::vector<std::byte> bytes = makeModelFile("ShiftedWindowAttention", config,
                                                       {{"w.qkv.weight", reference::Tensor({24, 8})},
                                                        {"w.qkv.bias", reference::Tensor({24})},
                                                        {"w.proj.weight", reference::Tensor({8, 8})},
                                                        {"w.proj.bias", reference::Tensor({8})},
                                                        {"w.relative_position_bias_table", reference::Tensor({21, 2})},
                                                        {"in.x", reference::Tensor({1, 5, 6, 8})},
                                                        {"out.y", reference::Tensor({1, 5, 6, 8})}});
    std::ofstream(made, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    build(made, "{}", nullptr);
    for (const Variation& variation : variations)
        build(std::string(SACCADE_TEST_DATA "/") + variation.file + ".safetensors", variation.options, variation.input);

    for (const ModuleType& type : moduleTypes()) {
        SCOPED_TRACE(type.name);
        if (type.name == std::string_view("Network"))
            continue; // each has inputs and outputs of its own: tests/networks
        const Asked& asked = asked_[type.name];
        EXPECT_EQ(asked.config, namesIn(type.description.config));
        EXPECT_EQ(asked.options, namesIn(type.description.options));
        EXPECT_EQ(asked.inputs, namesIn(type.description.inputs));
        EXPECT_EQ(asked.outputs, namesIn(type.description.outputs));
    }
}

} // namespace
} // namespace saccade::test
