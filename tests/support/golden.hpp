// SPDX-License-Identifier: Apache-2.0
// Golden files through the public API.
#pragma once

#include <saccade/saccade.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/gpu.hpp"
#include "support/plan_buffers.hpp"
#include "support/safetensors_file.hpp"

namespace saccade::test {

std::vector<std::byte> readBytes(const std::filesystem::path& path);

/// Whether the library has a module of that name.
bool hasModule(const std::string& name);

/// The SacDataType of a safetensors dtype ("F32"). Throws std::invalid_argument for one that no tensor of a plan has.
SacDataType dataType(const std::string& dtype);

/// A file with everything a run needs: "w." weights, "in." inputs, "out." results.
struct GoldenCase {
    explicit GoldenCase(const std::filesystem::path& path);

    std::vector<std::byte> bytes;
    SafetensorsFile file;
    reference::Tensors inputs, outputs;

    const std::string& module() const { return file.metadata.at("module"); }
    /// Describes a plan with all inputs and outputs of the file, of the types they have there.
    void describe(sac::PlanBuilder& description) const;
};

/// Uploads, runs once and returns the results named in `outputs`.
reference::Tensors runOnce(const Plan& plan, const reference::Tensors& inputs, const reference::Tensors& outputs);

} // namespace saccade::test
