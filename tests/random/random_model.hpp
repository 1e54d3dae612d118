// SPDX-License-Identifier: Apache-2.0
// A model of random weights with random inputs, and what the float64 reference makes of them.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/compare.hpp"
#include "reference/random_case.hpp"
#include "reference/reference.hpp"
#include "support/golden.hpp"
#include "support/limits.hpp"
#include "support/model_file.hpp"

namespace saccade::test {

struct Case {
    const char* name;
    const char* module;
    const char* config;
    const char* sizes; ///< see reference::randomInputs
};

inline void PrintTo(const Case& c, std::ostream* stream) { *stream << c.module << ' ' << c.config << ' ' << c.sizes; }
inline std::string nameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

/// A model with weights and inputs as random as `seed`, and what the reference makes of them.
struct RandomCase {
    RandomCase(const Case& c, uint64_t seed)
        : config(nlohmann::json::parse(c.config)),
          weights(reference::randomWeights(c.module, config, nlohmann::json::parse(c.sizes), seed)),
          inputs(reference::randomInputs(c.module, config, nlohmann::json::parse(c.sizes), seed + 1)),
          expected(reference::run(c.module, config, weights, inputs)), module(c.module),
          bytes(makeModelFile(c.module, config, weights)) {}

    void describe(sac::PlanBuilder& description) const {
        for (const auto& [name, tensor] : inputs)
            describeInput(description, name, tensor);
        for (const auto& [name, tensor] : expected)
            description.output(name);
    }

    /// Whether the device's profile allows the plan. Where it does not, expects the refusal.
    bool isAllowed(SacModel model, sac::PlanBuilder& description) const {
        // A transformer without layers is its last norm.
        const bool normAlone = module == "PhenakiTransformer" && config.at("depth") == 0;
        const char* limit =
            forbiddingLimit(Gpu::get().device(), normAlone ? "PhenakiLayerNorm" : module, inputs, false);
        if (limit)
            expectForbidden(model, description, limit);
        return !limit;
    }

    void expectResults(const Plan& plan, double tolerance) const {
        const reference::Tensors results = runOnce(plan, inputs, expected);
        for (const auto& [name, tensor] : expected)
            EXPECT_LE(reference::relativeError(results.at(name), tensor), tolerance) << name;
    }

    nlohmann::json config;
    reference::Tensors weights, inputs, expected;
    std::string module;
    std::vector<std::byte> bytes;

private:
    static void describeInput(sac::PlanBuilder& description, const std::string& name, const reference::Tensor& tensor) {
        if (name == "spatial_shapes") // the plan is made for them
            description.input(name, tensor.shape, SAC_DATA_TYPE_INT32, SAC_LAYOUT_CONTIGUOUS,
                              encode(tensor, SAC_DATA_TYPE_INT32));
        else if (tensor.boolean)
            description.input(name, tensor.shape, SAC_DATA_TYPE_BOOL);
        else
            description.input(name, tensor.shape);
    }
};

} // namespace saccade::test
