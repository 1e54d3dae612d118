// SPDX-License-Identifier: Apache-2.0
#include "host/golden_case.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace saccade::host {

namespace {

bool isHalf(const TensorMap& tensors) {
    return std::any_of(tensors.begin(), tensors.end(), [](const auto& t) { return t.second.type == DataType::f16; });
}

bool startsWith(const std::string& text, const std::string& start) { return text.compare(0, start.size(), start) == 0; }

float roundedToDecimals(double number) { return static_cast<float>(std::round(number * 1e4) / 1e4); }

bool hasFourDecimals(const std::vector<double>& numbers) {
    return std::all_of(numbers.begin(), numbers.end(), [](double n) { return roundedToDecimals(n) == n; });
}

/// Deformable attention, alone or in a network.
bool isDeformable(const GoldenCase& golden, const std::string& module) {
    const std::string config = module == "Network" ? golden.file.metadata("config") : std::string();
    return startsWith(module, "DeformableAttention") || config.find("\"DeformableAttention") != std::string::npos ||
           config.find("\"MSDeformAttn\"") != std::string::npos;
}

bool roundsTo(const Tensor& result, const Tensor& reference) {
    const std::vector<double> wanted = toNumbers(reference);
    const std::vector<double> values = toNumbers(result);
    return hasFourDecimals(wanted) && std::equal(values.begin(), values.end(), wanted.begin(), wanted.end(),
                                                 [](double v, double w) { return roundedToDecimals(v) == w; });
}

} // namespace

GoldenCase::GoldenCase(const std::filesystem::path& path)
    : file(path), inputs(file.tensors("in.")), references(file.tensors("out.")) {}

TensorMap readInputs(const std::filesystem::path& path) {
    const TensorFile file(path);
    TensorMap inputs = file.tensors("in.");
    return inputs.empty() ? file.tensors() : inputs;
}

std::vector<OutputRequest> outputsLike(const TensorMap& references) {
    std::vector<OutputRequest> outputs;
    for (const auto& [name, tensor] : references)
        outputs.push_back({name, tensor.type == DataType::f16 ? SAC_DATA_TYPE_FLOAT16 : SAC_DATA_TYPE_DEFAULT});
    return outputs;
}

double goldenTolerance(const GoldenCase& golden, const std::string& module, const sac::Plan& plan) {
    if (startsWith(module, "onnx.") && isHalf(golden.references))
        return 1e-3;
    if (plan.properties().precision == SAC_PRECISION_FLOAT16 || isHalf(golden.references))
        return 5e-3;
    if (isDeformable(golden, module))
        return plan.positionBias().mode == SAC_POSITION_BIAS_MODE_TABLE ? 2e-4 : 5e-5;
    return 1e-5;
}

std::vector<Comparison> compare(const GoldenCase& golden, const std::string& module, const sac::Plan& plan,
                                const TensorMap& results) {
    std::vector<Comparison> comparisons;
    for (const auto& [name, reference] : golden.references) {
        Comparison comparison{name, reference.shape, std::numeric_limits<double>::quiet_NaN(),
                              goldenTolerance(golden, module, plan)};
        const auto result = results.find(name);
        if (result != results.end() && result->second.shape == reference.shape)
            comparison.error = relativeError(result->second, reference);
        comparison.ok = comparison.error <= comparison.tolerance;
        if (!comparison.ok && std::isfinite(comparison.error) && startsWith(module, "onnx."))
            comparison.ok = comparison.rounded = roundsTo(result->second, reference);
        comparisons.push_back(comparison);
    }
    return comparisons;
}

} // namespace saccade::host
