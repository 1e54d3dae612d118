#include "host/golden_case.hpp"

#include <algorithm>
#include <limits>

namespace saccade::host {

namespace {

bool isHalf(const TensorMap& tensors) {
    return std::any_of(tensors.begin(), tensors.end(), [](const auto& t) { return t.second.type == DataType::f16; });
}

bool startsWith(const std::string& text, const std::string& start) { return text.compare(0, start.size(), start) == 0; }

} // namespace

GoldenCase::GoldenCase(const std::filesystem::path& path)
    : file(path), inputs(file.tensors("in.")), references(file.tensors("out.")) {}

std::vector<OutputRequest> outputsLike(const TensorMap& references) {
    std::vector<OutputRequest> outputs;
    for (const auto& [name, tensor] : references)
        outputs.push_back({name, tensor.type == DataType::f16 ? SAC_DATA_TYPE_FLOAT16 : SAC_DATA_TYPE_DEFAULT,
                           SAC_LAYOUT_CONTIGUOUS});
    return outputs;
}

double goldenTolerance(const GoldenCase& golden, const std::string& module, const SacPlanProperties& plan) {
    if (startsWith(module, "onnx.") && isHalf(golden.references))
        return 1e-3;
    if (plan.precision == SAC_PRECISION_FLOAT16 || isHalf(golden.references))
        return 5e-3;
    if (startsWith(module, "DeformableAttention"))
        return plan.positionBias == SAC_POSITION_BIAS_TABLE ? 2e-4 : 5e-5;
    return 1e-5;
}

std::vector<Comparison> compare(const GoldenCase& golden, const std::string& module, const SacPlanProperties& plan,
                                const TensorMap& results) {
    std::vector<Comparison> comparisons;
    for (const auto& [name, reference] : golden.references) {
        Comparison comparison{name, reference.shape, std::numeric_limits<double>::quiet_NaN(),
                              goldenTolerance(golden, module, plan), false};
        const auto result = results.find(name);
        if (result != results.end() && result->second.shape == reference.shape)
            comparison.error = relativeError(result->second, reference);
        comparison.ok = comparison.error <= comparison.tolerance;
        comparisons.push_back(comparison);
    }
    return comparisons;
}

} // namespace saccade::host
