// SPDX-License-Identifier: Apache-2.0
// A file with its own inputs and reference results: how to run it and how close the results have to be.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host/model_runner.hpp"
#include "host/tensor_file.hpp"

namespace saccade::host {

/// Tensors w.*, in.* and out.* of one safetensors file.
struct GoldenCase {
    explicit GoldenCase(const std::filesystem::path& path);

    TensorFile file;
    TensorMap inputs;
    TensorMap references;
};

/// Inputs of a file: those behind "in." as a golden case has them, else all its tensors by their own names.
TensorMap readInputs(const std::filesystem::path& path);

/// The outputs to ask for so that they compare with `references`: those names, half precision where they are.
std::vector<OutputRequest> outputsLike(const TensorMap& references);

/// The relative error allowed: 1e-5; deformable attention, alone or in a network, 5e-5, or 2e-4 with the position bias
/// from a table; 5e-3 for a plan in half precision; 1e-3 for an ONNX case whose tensors are F16.
double goldenTolerance(const GoldenCase& golden, const std::string& module, const sac::Plan& plan);

struct Comparison {
    std::string output;
    Shape shape;
    double error = 0;
    double tolerance = 0;
    bool ok = false;      ///< error <= tolerance, which a NaN is not, or `rounded`
    bool rounded = false; ///< right up to the reference's own rounding, see below
};

/// One entry for each reference. A result that is missing or of another shape has a NaN for its error. Some ONNX cases
/// state their results in decimals, once with fewer than the tolerance needs: where a reference consists of numbers of
/// four decimals, a result is also right if rounding it to four decimals gives just these.
std::vector<Comparison> compare(const GoldenCase& golden, const std::string& module, const sac::Plan& plan,
                                const TensorMap& results);

} // namespace saccade::host
