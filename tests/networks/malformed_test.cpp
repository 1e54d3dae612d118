// SPDX-License-Identifier: Apache-2.0
// Networks that are none: each is refused by a message that names the node and the rule. Large ones are planned in time
// proportional to their size. Without a device.
#include <gtest/gtest.h>
#include <saccade/saccade.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/headless.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

using nlohmann::json;

reference::Tensor filled(const reference::Shape& shape) {
    reference::Tensor tensor(shape);
    std::ranges::fill(tensor.data, 0.1);
    return tensor;
}

struct File {
    json config;
    reference::Tensors weights;
};

/// conv -> relu -> add of a state -> linear over channels of a permuted view, all of one size.
File validNetwork() {
    File file;
    file.config = json::parse(R"({
        "inputs": [{"name": "x", "shape": [1, 4, "h", "w"]}],
        "states": [{"name": "before", "shape": [1, 4, "h", "w"], "next": "sum"}],
        "nodes": [{"op": "conv2d", "name": "conv", "inputs": ["x"], "config": {"padding": 1}},
                  {"op": "relu", "name": "act", "inputs": ["conv"]},
                  {"op": "add", "name": "sum", "inputs": ["act", "before"]},
                  {"op": "permute", "name": "last", "inputs": ["sum"], "config": {"dims": [0, 2, 3, 1]}},
                  {"op": "linear", "name": "mix", "inputs": ["last"]},
                  {"op": "reshape", "name": "tokens", "inputs": ["mix"], "config": {"shape": [1, "h * w", -1]}}],
        "outputs": [{"name": "y", "value": "tokens"}]})");
    file.weights["conv.weight"] = filled({4, 4, 3, 3});
    file.weights["conv.bias"] = filled({4});
    file.weights["mix.weight"] = filled({6, 4});
    return file;
}

struct Refusal {
    const char* name;
    std::function<void(File&)> spoil;
    SacResult result;
    std::vector<const char*> said; ///< parts of the message
};

void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.name; }

class MalformedNetworks : public ::testing::Test {
protected:
    MalformedNetworks() {
        SacContextInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
        info.apiVersion = SAC_VERSION;
        info.profile = &profile_;
        EXPECT_EQ(sacCreateContext(&info, &context_, nullptr), SAC_SUCCESS);
    }
    ~MalformedNetworks() override { sacDestroyContext(context_); }

    /// Model and plan at 5 x 7; the first failure.
    SacResult make(const File& file, SacError& error, uint64_t height = 5) {
        const std::vector<std::byte> bytes = makeModelFile("Network", file.config, file.weights);
        SacModelInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
        info.data = bytes.data();
        info.size = bytes.size();
        info.headerLimit = 90 << 20;
        SacModel model = nullptr;
        SacResult result = sacCreateModel(context_, &info, &model, &error);
        if (result != SAC_SUCCESS)
            return result;
        SacTensorDesc input{};
        input.sType = SAC_STRUCTURE_TYPE_TENSOR_DESC;
        input.name = "x";
        input.rank = 4;
        const uint64_t shape[] = {1, 4, height, 7};
        std::copy(std::begin(shape), std::end(shape), input.shape);
        SacPlanInfo planInfo{};
        planInfo.sType = SAC_STRUCTURE_TYPE_PLAN_INFO;
        planInfo.inputCount = 1;
        planInfo.inputs = &input;
        SacPlan plan = nullptr;
        result = sacCreatePlan(model, &planInfo, &plan, &error);
        sacDestroyPlan(plan);
        sacDestroyModel(model);
        return result;
    }

private:
    const SacDeviceProfile profile_ = desktopProfile();
    SacContext context_ = nullptr;
};

class Malformed : public MalformedNetworks, public ::testing::WithParamInterface<Refusal> {};

TEST_F(MalformedNetworks, areNotThisOne) {
    SacError error{};
    EXPECT_EQ(make(validNetwork(), error), SAC_SUCCESS) << error.message;
}

TEST_P(Malformed, isRefused) {
    File file = validNetwork();
    GetParam().spoil(file);
    SacError error{};
    EXPECT_EQ(make(file, error), GetParam().result) << error.message;
    for (const char* part : GetParam().said)
        EXPECT_NE(std::strstr(error.message, part), nullptr) << "no " << part << " in: " << error.message;
}

json& node(File& file, size_t i) { return file.config["nodes"][i]; }

std::string nested(int depth) { return std::string(depth, '(') + "h" + std::string(depth, ')'); }

const Refusal refusals[] = {
    {"unknownOp", [](File& f) { node(f, 1)["op"] = "rleu"; }, SAC_ERROR_INVALID_CONFIG, {"\"act\"", "rleu", "unknown"}},
    {"noOp", [](File& f) { node(f, 1).erase("op"); }, SAC_ERROR_INVALID_CONFIG, {"\"op\"", "missing"}},
    {"noName", [](File& f) { node(f, 1)["name"] = ""; }, SAC_ERROR_INVALID_CONFIG, {"\"name\""}},
    {"unknownMember", [](File& f) { node(f, 1)["imputs"] = 1; }, SAC_ERROR_INVALID_CONFIG, {"imputs", "inputs"}},
    {"nodeIsNoObject", [](File& f) { node(f, 1) = 3; }, SAC_ERROR_INVALID_CONFIG, {"nodes", "not an object"}},
    {"nodesAreNoList", [](File& f) { f.config["nodes"] = 3; }, SAC_ERROR_INVALID_CONFIG, {"nodes", "not an array"}},
    {"missingValue",
     [](File& f) {
         node(f, 2)["inputs"] = {"act", "nothing"};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"sum\"", "nothing"}},
    {"cycle", [](File& f) { node(f, 0)["inputs"] = {"tokens"}; }, SAC_ERROR_INVALID_CONFIG, {"\"conv\"", "tokens"}},
    {"selfReference", [](File& f) { node(f, 1)["inputs"] = {"act"}; }, SAC_ERROR_INVALID_CONFIG, {"\"act\""}},
    {"definedTwice", [](File& f) { node(f, 1)["name"] = "conv"; }, SAC_ERROR_INVALID_CONFIG, {"\"conv\"", "exists"}},
    {"nodeNamedAsInput", [](File& f) { node(f, 1)["name"] = "x"; }, SAC_ERROR_INVALID_CONFIG, {"\"x\"", "exists"}},
    {"missingWeight", [](File& f) { f.weights.erase("mix.weight"); }, SAC_ERROR_INVALID_WEIGHTS, {"\"mix\"", "weight"}},
    {"weightOfOtherRank",
     [](File& f) {
         f.weights["conv.weight"] = filled({4, 4});
     },
     SAC_ERROR_INVALID_WEIGHTS,
     {"\"conv\"", "weight"}},
    {"biasOfOtherShape",
     [](File& f) { f.weights["conv.bias"] = filled({3}); },
     SAC_ERROR_INVALID_WEIGHTS,
     {"\"conv\"", "conv.bias", "[3]", "[4]"}},
    {"tooManyInputs",
     [](File& f) {
         node(f, 1)["inputs"] = {"conv", "x"};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"act\"", "2 inputs"}},
    {"noInputs", [](File& f) { node(f, 1).erase("inputs"); }, SAC_ERROR_INVALID_CONFIG, {"\"act\"", "0 inputs"}},
    {"numberForRelu", [](File& f) { node(f, 1)["inputs"] = {1.5}; }, SAC_ERROR_INVALID_CONFIG, {"\"act\"", "no value"}},
    {"twoNumbers",
     [](File& f) {
         node(f, 2)["inputs"] = {1, 2};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"sum\"", "numbers"}},
    {"twoOutputs",
     [](File& f) {
         node(f, 1)["outputs"] = {"a", "b"};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"sum\"", "act"}},
    {"channels",
     [](File& f) {
         f.weights["conv.weight"] = filled({4, 5, 3, 3});
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"conv\"", "(1, 4, 5, 7)", "5 channels"}},
    {"broadcast",
     [](File& f) {
         f.config["states"][0]["shape"] = {1, 3, "h", "w"};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"conv\"", "(1, 3, 5, 7)"}},
    {"linearWidth",
     [](File& f) {
         f.weights["mix.weight"] = filled({6, 5});
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"mix\"", "(1, 5, 7, 4)", "5"}},
    {"reshape",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, "h * w + 1", 6};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"tokens\"", "210"}},
    {"reshapeTwoFree",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {-1, -1, 6};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"tokens\"", "-1"}},
    {"permuteTwice",
     [](File& f) {
         node(f, 3)["config"]["dims"] = {0, 2, 2, 1};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"last\"", "twice"}},
    {"permuteRange",
     [](File& f) {
         node(f, 3)["config"]["dims"] = {0, 2, 4, 1};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"last\"", "dims"}},
    {"unknownKey",
     [](File& f) { node(f, 0)["config"]["pading"] = 1; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"conv\"", "pading", "padding"}},
    {"keyOutOfRange",
     [](File& f) { node(f, 0)["config"]["stride"] = 0; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"conv\"", "stride", "0"}},
    {"keyOfOtherType",
     [](File& f) { node(f, 0)["config"]["stride"] = "two"; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"conv\"", "stride"}},
    {"largeKernel",
     [](File& f) {
         f.weights["conv.weight"] = filled({4, 4, 9, 3});
     },
     SAC_ERROR_UNSUPPORTED,
     {"\"conv\"", "9 taps"}},
    {"divisionByZero",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, "h // (w - 7)", 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "zero"}},
    {"unknownSize",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, "d", 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "\"d\""}},
    {"sizeOfNoValue",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, "size(nothing, 2)", 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "size(nothing, 2)"}},
    {"sizeOfNoDimension",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, "size(x, 4)", 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "dimension"}},
    {"overflow",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, "9007199254740992 * 9007199254740992", 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "2^53"}},
    {"deepParentheses",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, nested(1000), 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "deep"}},
    {"deepSigns",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, std::string(1000, '-') + "h", 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "deep"}},
    {"noExpression",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, "h *", 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "h *"}},
    {"fractionalSize",
     [](File& f) {
         node(f, 5)["config"]["shape"] = {1, 3.5, 6};
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "3.5"}},
    {"stateWithoutNext",
     [](File& f) { f.config["states"][0].erase("next"); },
     SAC_ERROR_INVALID_CONFIG,
     {"\"before\"", "next"}},
    {"nextOfOtherShape",
     [](File& f) { f.config["states"][0]["next"] = "mix"; },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"before\"", "(1, 4, 5, 7)", "(1, 5, 7, 6)"}},
    {"nextThatIsNone",
     [](File& f) { f.config["states"][0]["next"] = "nothing"; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"before\"", "nothing"}},
    {"outputThatIsNone",
     [](File& f) { f.config["outputs"][0]["value"] = "nothing"; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"y\"", "nothing"}},
    {"noOutputs", [](File& f) { f.config["outputs"] = json::array(); }, SAC_ERROR_INVALID_CONFIG, {"outputs", "empty"}},
    {"outputNamedAsInput", [](File& f) { f.config["outputs"][0]["name"] = "x"; }, SAC_ERROR_INVALID_CONFIG, {"\"x\""}},
    {"requirement",
     [](File& f) {
         f.config["requires"] = {{{"expression", "h % 2"}, {"equals", 0}}};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"h % 2", "1"}},
    {"channelsWord",
     [](File& f) { f.config["inputs"][0]["channels"] = "first"; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"x\"", "channels"}},
    {"precisionWord",
     [](File& f) { node(f, 0)["precision"] = "float64"; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"conv\"", "precision"}},
    {"inputRank",
     [](File& f) {
         f.config["inputs"][0]["shape"] = {1, 4, "h"};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"x\""}},
    {"inputSize",
     [](File& f) {
         f.config["inputs"][0]["shape"] = {1, 5, "h", "w"};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"x\"", "5"}},
    {"inputOfOneName",
     [](File& f) {
         f.config["inputs"][0]["shape"] = {1, 4, "h", "h"};
     },
     SAC_ERROR_INVALID_ARGUMENT,
     {"\"x\"", "7", "5"}},
    {"moduleConfig",
     [](File& f) {
         node(f, 1) = {{"op", "PEG"}, {"name", "peg"}, {"inputs", {"conv"}}, {"config", {{"dim", -1}}}};
         node(f, 2)["inputs"][0] = "peg";
     },
     SAC_ERROR_INVALID_CONFIG,
     {"\"peg\"", "dim"}},
    {"networkInNetwork",
     [](File& f) { node(f, 1)["op"] = "Network"; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"act\"", "unknown"}},
    {"sevenDimensions",
     [](File& f) { node(f, 5)["config"]["shape"] = {1, 1, 1, 1, 1, 1, 210}; },
     SAC_ERROR_INVALID_CONFIG,
     {"\"tokens\"", "7 dimensions"}},
};

INSTANTIATE_TEST_SUITE_P(Each, Malformed, ::testing::ValuesIn(refusals),
                         [](const auto& info) { return std::string(info.param.name); });

/// Convolutions, activations, additions and concatenations, one behind the other.
File chain(int nodes) {
    File file;
    file.config = {{"inputs", {{{"name", "x"}, {"shape", {1, 4, "h", "w"}}}}}, {"nodes", json::array()}};
    json& list = file.config["nodes"];
    std::string last = "x", kept = "x";
    for (int i = 0; i < nodes; ++i) {
        const std::string name = "n" + std::to_string(i);
        switch (i % 4) {
        case 0:
            list.push_back({{"op", "concat"}, {"name", name}, {"inputs", {last, kept}}, {"config", {{"dim", 1}}}});
            break;
        case 1:
            list.push_back({{"op", "conv2d"}, {"name", name}, {"inputs", {last}}, {"config", {{"padding", 1}}}});
            file.weights[name + ".weight"] = filled({4, 8, 3, 3});
            break;
        case 2:
            list.push_back({{"op", "relu"}, {"name", name}, {"inputs", {last}}});
            break;
        default:
            list.push_back({{"op", "add"}, {"name", name}, {"inputs", {last, kept}}});
            kept = name;
        }
        last = name;
    }
    file.config["outputs"] = {{{"name", "y"}, {"value", last}}};
    return file;
}

double secondsOf(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST_F(MalformedNetworks, ofTwoThousandNodesArePlannedInASecond) {
    const File file = chain(2000);
    SacError error{};
    const double seconds = secondsOf([&] { EXPECT_EQ(make(file, error), SAC_SUCCESS) << error.message; });
    RecordProperty("seconds", std::to_string(seconds));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    EXPECT_LT(seconds, 20);
#else
    EXPECT_LT(seconds, 2); // the model's file and weights too; of the plan alone a second is asked
#endif
}

TEST_F(MalformedNetworks, ofAMillionNodesAreRefusedByTheirSize) {
    File file = validNetwork();
    json& nodes = file.config["nodes"];
    const json one = {{"op", "relu"}, {"name", "a"}, {"inputs", {"x"}}};
    for (int i = 0; i < 1'000'000; ++i)
        nodes.push_back(one);
    SacError error{};
    const double seconds = secondsOf([&] { EXPECT_NE(make(file, error), SAC_SUCCESS); });
    EXPECT_NE(std::strstr(error.message, "config"), nullptr) << error.message;
    EXPECT_LT(seconds, 20); // nearly all of it is the making of the file
}

} // namespace
} // namespace saccade::test
