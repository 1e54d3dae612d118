// SPDX-License-Identifier: Apache-2.0
// What a file is a model of, where it does not say so itself: its module, its configuration, where its weights are.
#pragma once

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "host/model_runner.hpp"
#include "host/tensor_file.hpp"

namespace saccade::cli {

struct ModelSettings {
    std::string module;
    std::string config; ///< a JSON object, or the path of a file with one
    std::string prefix;
    std::vector<std::string> set;

    void addTo(CLI::App& app);

    /// --module, else the file's. Throws host::FileError where neither names one.
    std::string moduleOf(const host::TensorFile& file) const;
    /// The members of --config, over them those of --set. Throws CLI::ValidationError and host::FileError.
    nlohmann::json given() const;
    /// The file's configuration, over it given(). Throws as it does.
    nlohmann::json configOf(const host::TensorFile& file) const;
    /// What to make the model of. `file` outlives it.
    host::ModelSource source(const host::TensorFile& file) const;

private:
    const CLI::Option* prefixOption_ = nullptr;
};

} // namespace saccade::cli
