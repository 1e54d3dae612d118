// check_golden FILE...: runs golden files through the reference and prints how far each result is from the stored one.
// Exit status 1 when a result is further than 1e-6 (float32 rounding of the stored vectors) or, stored as half, 1e-3.

#include <cstdio>
#include <exception>

#include <nlohmann/json.hpp>

#include "reference/compare.hpp"
#include "reference/reference.hpp"
#include "support/safetensors_file.hpp"

namespace {

using namespace saccade;

bool check(const std::string& path) {
    const test::SafetensorsFile file = test::readSafetensors(path);
    const auto config = nlohmann::json::parse(file.metadata.at("config"));
    const auto results = reference::run(file.metadata.at("module"), config, reference::withPrefix(file.tensors, "w."),
                                        reference::withPrefix(file.tensors, "in."));
    bool good = true;
    for (const auto& [name, expected] : reference::withPrefix(file.tensors, "out.")) {
        const double error = reference::relativeError(reference::get(results, name), expected);
        const bool close = error <= (file.dtypes.at("out." + name) == "F16" ? 1e-3 : 1e-6);
        std::printf("%-4s %.2e  %s  %s  %s\n", close ? "ok" : "BAD", error, file.metadata.at("module").c_str(),
                    path.substr(path.rfind('/') + 1).c_str(), name.c_str());
        good = good && close;
    }
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
