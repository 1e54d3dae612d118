// SPDX-License-Identifier: Apache-2.0
// Network files (docs/networks.md) with an example of one or more runs, and runs that keep their states.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/tensor.hpp"
#include "support/plan_buffers.hpp"

namespace saccade::test {

/// One run of an example: its inputs and results by name.
struct NetworkRun {
    reference::Tensors inputs, outputs;
};

/// A file whose tensors are weights by `<node>.<parameter>`, and the example as tools/export.py stores it: "in.NAME"
/// and "out.NAME", "1.in.NAME" and so on of the runs after the first.
struct NetworkFile {
    explicit NetworkFile(const std::filesystem::path& path);

    std::vector<std::byte> bytes;
    nlohmann::json config;
    reference::Tensors weights;
    std::vector<NetworkRun> runs;

    /// Whether any node attends deformably: such results may be 5e-5 off instead of 1e-5.
    bool isDeformable() const;
};

/// Describes a plan with these inputs and all outputs of a network.
void describeNetwork(sac::PlanBuilder& description, const nlohmann::json& config, const reference::Tensors& inputs);

/// What the float64 interpreter gives for runs one after another.
std::vector<reference::Tensors> interpretRuns(const nlohmann::json& config, const reference::Tensors& weights,
                                              const std::vector<reference::Tensors>& inputs);

/// Uploads and runs the plan once for each entry of `inputs`, in command buffers of their own. The state holds NaN
/// before; the first run resets it.
std::vector<reference::Tensors> runInTurn(const Plan& plan, const std::vector<reference::Tensors>& inputs);

} // namespace saccade::test
