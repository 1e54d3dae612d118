// SPDX-License-Identifier: Apache-2.0
// The main of every test program: GoogleTest's, which also writes down the cases that were skipped, since a program
// that skips some passes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

// One file for each run that ctest tells apart: program, device profile, part.
std::string nameOfRun(const char* program) {
    std::string name = std::filesystem::path(program).stem().string();
    for (const char* variable : {"SACCADE_PROFILE", "GTEST_SHARD_INDEX"})
        if (const char* value = std::getenv(variable))
            name += "." + std::string(value);
    return name;
}

void writeSkipped(const std::string& run) {
    const ::testing::UnitTest& unit = *::testing::UnitTest::GetInstance();
    if (unit.skipped_test_count() == 0)
        return;
    std::error_code ignored;
    std::filesystem::create_directories(SACCADE_SKIPPED_DIR, ignored);
    std::ofstream file(std::filesystem::path(SACCADE_SKIPPED_DIR) / run);
    for (int s = 0; s < unit.total_test_suite_count(); ++s)
        for (int c = 0; c < unit.GetTestSuite(s)->total_test_count(); ++c) {
            const ::testing::TestInfo& test = *unit.GetTestSuite(s)->GetTestInfo(c);
            for (int part = 0; test.should_run() && part < test.result()->total_part_count(); ++part)
                if (const auto& skip = test.result()->GetTestPartResult(part); skip.skipped())
                    file << run << ": " << test.test_suite_name() << "." << test.name() << ": " << skip.message()
                         << "\n";
        }
}

} // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    const int result = RUN_ALL_TESTS();
    writeSkipped(nameOfRun(argv[0]));
    return result;
}
