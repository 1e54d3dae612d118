// SPDX-License-Identifier: Apache-2.0
// Networks written in PyTorch (tests/networks/*.py) and exported with what PyTorch computed in float64: the interpreter
// of tests/reference and the library against that, and the library against the interpreter at sizes no file has.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "reference/compare.hpp"
#include "reference/network.hpp"
#include "support/golden.hpp"
#include "support/network.hpp"

namespace saccade::test {
namespace {

using reference::Tensor;
using reference::Tensors;

std::vector<std::string> networkFiles() {
    std::vector<std::string> names;
    const std::filesystem::path folder = SACCADE_TEST_DATA "/networks";
    if (std::filesystem::exists(folder))
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (entry.path().extension() == ".safetensors")
                names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<Tensors> inputsOf(const std::vector<NetworkRun>& runs) {
    std::vector<Tensors> inputs;
    for (const NetworkRun& run : runs)
        inputs.push_back(run.inputs);
    return inputs;
}

void expectNear(const std::vector<Tensors>& results, const std::vector<Tensors>& expected, double tolerance) {
    ASSERT_EQ(results.size(), expected.size());
    for (std::size_t run = 0; run < expected.size(); ++run)
        for (const auto& [name, tensor] : expected[run])
            EXPECT_LE(reference::relativeError(reference::get(results[run], name), tensor), tolerance)
                << "output \"" << name << "\" of run " << run;
}

class Networks : public GpuTest, public ::testing::WithParamInterface<std::string> {
protected:
    const NetworkFile file{std::string(SACCADE_TEST_DATA "/networks/") + GetParam() + ".safetensors"};

    std::vector<Tensors> stored() const {
        std::vector<Tensors> outputs;
        for (const NetworkRun& run : file.runs)
            outputs.push_back(run.outputs);
        return outputs;
    }

    double tolerance() const { return file.isDeformable() ? 5e-5 : 1e-5; }

    std::vector<Tensors> runLibrary(const std::vector<Tensors>& inputs, SacPrecision precision) const {
        Context context(device());
        Model model(context, file.bytes);
        sac::PlanBuilder description;
        describeNetwork(description, file.config, inputs.at(0));
        description.info.precision = precision;
        return runInTurn(Plan(model, description), inputs);
    }
};

TEST_P(Networks, haveAnExampleThatTheInterpreterMeets) {
    ASSERT_FALSE(file.runs.empty());
    expectNear(interpretRuns(file.config, file.weights, inputsOf(file.runs)), stored(), 1e-10);
}

TEST_P(Networks, matchInFloat) {
    expectNear(runLibrary(inputsOf(file.runs), SAC_PRECISION_FLOAT32), stored(), tolerance());
}

TEST_P(Networks, matchInHalf) { expectNear(runLibrary(inputsOf(file.runs), SAC_PRECISION_FLOAT16), stored(), 5e-3); }

/// `x` cut off or repeated to another shape, so that it holds what such an input holds.
Tensor resized(const Tensor& x, const reference::Shape& shape) {
    Tensor y(shape);
    for (int64_t flat = 0; flat < y.count(); ++flat) {
        int64_t from = 0, stride = 1, rest = flat;
        for (int axis = y.rank() - 1; axis >= 0; --axis) {
            from += rest % y.size(axis) % x.size(axis) * stride;
            stride *= x.size(axis);
            rest /= y.size(axis);
        }
        y.data[static_cast<std::size_t>(flat)] = x.data[static_cast<std::size_t>(from)];
    }
    return y;
}

std::set<std::string> freeSizes(const nlohmann::json& config) {
    std::set<std::string> names;
    for (const nlohmann::json& input : config.at("inputs"))
        for (const nlohmann::json& size : input.at("shape"))
            if (size.is_string())
                names.insert(size);
    return names;
}

/// The example's inputs with `more` elements along every dimension that has one of the free sizes `names`; none where
/// nothing would be left.
std::vector<Tensors> withSizes(const NetworkFile& file, const std::set<std::string>& names, int64_t more) {
    std::vector<Tensors> inputs = inputsOf(file.runs);
    for (Tensors& run : inputs)
        for (const nlohmann::json& input : file.config.at("inputs")) {
            Tensor& tensor = run.at(input.at("name"));
            reference::Shape shape = tensor.shape;
            for (std::size_t axis = 0; axis < shape.size(); ++axis) {
                const nlohmann::json& size = input.at("shape")[axis];
                if (size.is_string() && names.contains(size.get<std::string>()))
                    shape[axis] += more;
                if (shape[axis] < 1)
                    return {};
            }
            tensor = resized(tensor, shape);
        }
    return inputs;
}

/// What changes first: one size alone by little, or, where the network wants it so, all of them by more.
TEST_P(Networks, matchAtOtherSizes) {
    const std::set<std::string> names = freeSizes(file.config);
    if (names.empty())
        return; // all sizes are the file's
    std::vector<std::set<std::string>> choices;
    for (const std::string& name : names)
        choices.push_back({name});
    choices.push_back(names);
    std::vector<Tensors> inputs, expected;
    for (const int64_t more : {1, -1, 4, -4, 8, -8, 16, -16, 32}) {
        for (const std::set<std::string>& choice : choices) {
            inputs = withSizes(file, choice, more);
            if (inputs.empty())
                continue;
            try {
                expected = interpretRuns(file.config, file.weights, inputs);
                break;
            } catch (const std::exception&) { // the network has no such sizes
            }
        }
        if (!expected.empty())
            break;
    }
    ASSERT_FALSE(expected.empty()) << "no other size is possible";
    expectNear(runLibrary(inputs, SAC_PRECISION_FLOAT32), expected, tolerance());
}

INSTANTIATE_TEST_SUITE_P(Files, Networks, ::testing::ValuesIn(networkFiles()),
                         [](const auto& info) { return info.param; });

} // namespace
} // namespace saccade::test
