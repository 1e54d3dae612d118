// Model files made by tests.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference/tensor.hpp"

namespace saccade::test {

/// A safetensors file of float32 tensors, named as given, and the metadata of a model.
std::vector<std::byte> makeModelFile(const std::string& module, const nlohmann::json& config,
                                     const reference::Tensors& weights);

} // namespace saccade::test
