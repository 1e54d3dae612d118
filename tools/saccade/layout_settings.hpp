// SPDX-License-Identifier: Apache-2.0
// --layout: the block layout of SparseAttention, built instead of read.
#pragma once

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "host/tensor.hpp"

namespace saccade::cli {

struct LayoutSettings {
    std::vector<std::string> values; ///< members of DeepSpeed's VariableSparsityConfig

    void addTo(CLI::App& app);

    /// Where --layout is given, adds input "layout" for a model of `module` with this configuration, as
    /// sacBuildVariableLayout writes it. Throws CLI::ValidationError, and sac::Exception for what the library
    /// refuses.
    void addInput(host::TensorMap& inputs, const std::string& module, const nlohmann::json& config) const;

private:
    const CLI::Option* option_ = nullptr;
};

} // namespace saccade::cli
