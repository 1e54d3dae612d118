// SPDX-License-Identifier: Apache-2.0
// Programs on portability drivers, as MoltenVK is one: the Vulkan loader hides them from whoever does not ask. The
// installed drivers stand in, by copies of their manifests that call them portability drivers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/program.hpp"

namespace saccade::test {
namespace {

namespace fs = std::filesystem;

// Where the loader finds drivers: what the environment names, else what is installed.
std::vector<fs::path> manifests() {
    std::vector<fs::path> found;
    for (const char* variable : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"})
        if (const char* value = std::getenv(variable); value && *value) {
            std::istringstream list(value);
            for (std::string path; std::getline(list, path, ':');)
                found.emplace_back(path);
            return found;
        }
    for (const char* folder : {"/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"})
        if (fs::is_directory(folder))
            for (const fs::directory_entry& entry : fs::directory_iterator(folder))
                found.push_back(entry.path());
    return found;
}

class Portability : public ::testing::Test {
protected:
    void SetUp() override {
        std::string list;
        for (const fs::path& manifest : manifests()) {
            std::ifstream file(manifest);
            nlohmann::json driver = nlohmann::json::parse(file, nullptr, false);
            if (driver.is_discarded() || !driver.contains("ICD"))
                continue;
            driver["file_format_version"] = "1.0.1"; // the first with the key below
            driver["ICD"]["is_portability_driver"] = true;
            // A path with a folder is relative to the manifest, a bare name is the dynamic linker's to find.
            const fs::path library = driver["ICD"].at("library_path").get<std::string>();
            if (library.has_parent_path())
                driver["ICD"]["library_path"] = fs::absolute(manifest.parent_path() / library).string();
            const std::string copy = scratch.file(manifest.filename().string());
            std::ofstream(copy) << driver.dump();
            list += (list.empty() ? "" : ":") + copy;
        }
        if (list.empty())
            GTEST_SKIP() << "no manifest of a Vulkan driver in VK_DRIVER_FILES or where distributions put them";
        // The first of the names is the loader's since 1.3.207, the second the older ones'.
        environment = {"VK_DRIVER_FILES=" + list, "VK_ICD_FILENAMES=" + list, "LSAN_OPTIONS=detect_leaks=0"};
    }

    void expectRuns(const std::string& program, std::vector<std::string> arguments) {
        std::vector<std::string> command{std::string(SACCADE_BIN_DIR) + "/" + program};
        if (!fs::exists(command[0]))
            GTEST_SKIP() << program << " is not built";
        command.insert(command.end(), arguments.begin(), arguments.end());
        const ProgramResult result = runProgram(command, environment);
        EXPECT_EQ(result.exitCode, 0) << result.out << result.err;
    }

    const ScratchFolder scratch;
    std::vector<std::string> environment;
};

TEST_F(Portability, devices) { expectRuns("saccade", {"devices"}); }

TEST_F(Portability, verifyUnderValidation) {
    expectRuns("saccade", {"verify", "--validation", SACCADE_TEST_DATA "/golden/grid_sample_0.safetensors"});
}

TEST_F(Portability, minimal) { expectRuns("minimal", {}); }

TEST_F(Portability, frame) { expectRuns("frame", {"--frames", "1", "--output", scratch.file("")}); }

} // namespace
} // namespace saccade::test
