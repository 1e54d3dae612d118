// Starts build/bin/saccade and keeps what it says.
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

/// Arguments are passed on as they are, whatever characters they hold.
ProgramResult runSaccade(const std::vector<std::string>& arguments);

} // namespace saccade::test
