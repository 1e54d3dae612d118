// SPDX-License-Identifier: Apache-2.0
// Model files made by tests.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/tensor.hpp"

namespace saccade::test {

/// A safetensors file of float32 tensors, named as given, and the metadata of a model with `more` entries.
std::vector<std::byte> makeModelFile(const std::string& module, const nlohmann::json& config,
                                     const reference::Tensors& weights,
                                     const std::map<std::string, std::string>& more = {});

} // namespace saccade::test
