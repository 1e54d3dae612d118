// SPDX-License-Identifier: Apache-2.0
#include "assignments.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>

namespace saccade::cli {

namespace {

// "10,1,1" as JSON: an array, if brackets around it make one of numbers.
nlohmann::json parseValue(const std::string& text) {
    nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
    if (!value.is_discarded())
        return value;
    value = nlohmann::json::parse("[" + text + "]", nullptr, false);
    const auto isNumber = [](const nlohmann::json& item) { return item.is_number(); };
    if (value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), isNumber))
        return value;
    return text;
}

} // namespace

nlohmann::json parseAssignments(const std::vector<std::string>& assignments, const std::string& option) {
    nlohmann::json object = nlohmann::json::object();
    for (const std::string& assignment : assignments) {
        const std::size_t equals = assignment.find('=');
        if (equals == 0 || equals == std::string::npos)
            throw CLI::ValidationError(option, "\"" + assignment + "\" is not of the form key=value");
        object[assignment.substr(0, equals)] = parseValue(assignment.substr(equals + 1));
    }
    return object;
}

void separateFiles(std::vector<std::string>& list, std::vector<std::string>& files) {
    std::erase(list, ""); // stands for an option without values
    const auto isAssignment = [](const std::string& text) { return text.find('=') != std::string::npos; };
    const auto first = std::stable_partition(list.begin(), list.end(), isAssignment);
    files.insert(files.end(), std::make_move_iterator(first), std::make_move_iterator(list.end()));
    list.erase(first, list.end());
}

} // namespace saccade::cli
