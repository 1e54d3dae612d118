// SPDX-License-Identifier: Apache-2.0
#include "support/sample.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace saccade::test {

ProgramResult runFrame(const std::vector<std::string>& arguments, const std::vector<std::string>& start) {
    const char* device = std::getenv("SACCADE_DEVICE");
    std::vector<std::string> command = start;
    command.insert(command.end(), {std::string(SACCADE_BIN_DIR) + "/frame", "--device", device ? device : "llvmpipe"});
    command.insert(command.end(), arguments.begin(), arguments.end());
    const ProgramResult result =
        runProgram(command, {"VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation",
                             "VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT",
                             // The layer and window systems leak; the sample's own leaks are the layer's to report.
                             "LSAN_OPTIONS=detect_leaks=0"});
    for (const char* sign : {"VUID", "SYNC-HAZARD", "UNASSIGNED"})
        EXPECT_EQ((result.out + result.err).find(sign), std::string::npos) << result.out << result.err;
    return result;
}

} // namespace saccade::test
