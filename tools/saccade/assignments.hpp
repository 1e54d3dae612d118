// SPDX-License-Identifier: Apache-2.0
// Values of options of the form key=value.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace saccade::cli {

/// An object from texts of the form key=value. The value is JSON if it parses as that, an array where it is several
/// numbers with commas between them, and else a string. Throws CLI::ValidationError naming `option`.
nlohmann::json parseAssignments(const std::vector<std::string>& assignments, const std::string& option);

/// Moves what is no assignment from the end of `list` to `files`: "--set key=value file" reads as two values of --set.
void separateFiles(std::vector<std::string>& list, std::vector<std::string>& files);

} // namespace saccade::cli
