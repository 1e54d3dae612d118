// SPDX-License-Identifier: Apache-2.0
// check_golden FILE...: runs golden files through the reference and prints how far each result is from the stored one.
// Exit status 1 when a result is further than 1e-6 (float32 rounding of the stored vectors) or, stored as half, 1e-3.

#include <cmath>
#include <cstdio>
#include <exception>

#include <nlohmann/json.hpp>

#include "reference/compare.hpp"
#include "reference/random_case.hpp"
#include "reference/reference.hpp"
#include "support/safetensors_file.hpp"

namespace {

using namespace saccade;

/// The publisher typed this case's results with four decimals, so the reference's are rounded alike before comparing.
constexpr const char* fourDecimals = "gridsample_bicubic.safetensors";

bool check(const std::string& path) {
    const test::SafetensorsFile file = test::readSafetensors(path);
    const auto config = nlohmann::json::parse(file.metadata.at("config"));
    const std::string module = file.metadata.at("module");
    const reference::Tensors inputs = reference::withPrefix(file.tensors, "in.");
    const auto results = reference::run(module, config, reference::withPrefix(file.tensors, "w."), inputs);
    const std::string fileName = path.substr(path.rfind('/') + 1);
    bool good = true;
    for (const auto& [name, expected] : reference::withPrefix(file.tensors, "out.")) {
        reference::Tensor result = reference::get(results, name);
        if (fileName == fourDecimals)
            for (double& value : result.data)
                value = std::round(value * 1e4) / 1e4;
        const double error = reference::relativeError(result, expected);
        const bool close = error <= (file.dtypes.at("out." + name) == "F16" ? 1e-3 : 1e-6);
        std::printf("%-4s %.2e  %s  %s  %s\n", close ? "ok" : "BAD", error, module.c_str(), fileName.c_str(),
                    name.c_str());
        good = good && close;
    }
    // Such a file says nothing about sampling, keys, values or scores; random cases have to.
    if (const auto* vgrid = reference::find(results, "vgrid"))
        if (reference::shareInside(module, config, inputs.at("x").shape, *vgrid) == 0)
            std::printf("note %s: no sampling point is inside, y is the output layer's bias\n", fileName.c_str());
    return good;
}

} // namespace

int main(int count, char** arguments) {
    int bad = 0;
    for (int i = 1; i < count; ++i) {
        try {
            bad += check(arguments[i]) ? 0 : 1;
        } catch (const std::exception& error) {
            std::printf("BAD  %s: %s\n", arguments[i], error.what());
            ++bad;
        }
    }
    std::printf("%d files, %d bad\n", count - 1, bad);
    return bad == 0 ? 0 : 1;
}
