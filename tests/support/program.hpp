// SPDX-License-Identifier: Apache-2.0
// Starts programs and keeps what they say.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace saccade::test {

struct ProgramResult {
    int exitCode = -1; ///< -1 where the program did not end by itself
    std::string out;
    std::string err;
};

/// A folder of its own for one test, which goes with the object.
class ScratchFolder {
public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// `command`: the program and its arguments, which are passed on as they are, whatever characters they hold.
/// `environment`: NAME=value, in addition to the test's own.
ProgramResult runProgram(const std::vector<std::string>& command, const std::vector<std::string>& environment = {});

/// build/bin/saccade.
ProgramResult runSaccade(const std::vector<std::string>& arguments);

} // namespace saccade::test
