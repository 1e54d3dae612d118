// SPDX-License-Identifier: Apache-2.0
#include "support/program.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#if !defined(_WIN32)
#include <sys/wait.h>
#endif

namespace saccade::test {

namespace {

std::string quoted(const std::string& text) {
#if defined(_WIN32)
    return "\"" + text + "\"";
#else
    std::string result = "'";
    for (const char c : text)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
#endif
}

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

ScratchFolder::ScratchFolder() {
    std::random_device random;
    path_ = std::filesystem::temp_directory_path() / ("saccade_cli_" + std::to_string(random()));
    std::filesystem::create_directories(path_);
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

ProgramResult runProgram(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
    const ScratchFolder scratch;
    std::string line;
#if defined(_WIN32)
    for (const std::string& variable : environment)
        line += "set " + quoted(variable) + " && ";
#else
    for (const std::string& variable : environment)
        line += (line.empty() ? "env " : " ") + quoted(variable);
#endif
    for (const std::string& argument : command)
        line += " " + quoted(argument);
    line += " >" + quoted(scratch.file("out")) + " 2>" + quoted(scratch.file("err"));

    ProgramResult result;
    const int status = std::system(line.c_str());
#if defined(_WIN32)
    result.exitCode = status;
#else
    result.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#endif
    result.out = contents(scratch.file("out"));
    result.err = contents(scratch.file("err"));
    return result;
}

ProgramResult runSaccade(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{std::string(SACCADE_BIN_DIR) + "/saccade"}, environment;
    command.insert(command.end(), arguments.begin(), arguments.end());
    // Debian 12's validation layer leaks a little for every command buffer that it checks the synchronization of.
    if (std::find(arguments.begin(), arguments.end(), "--validation") != arguments.end())
        environment.push_back("LSAN_OPTIONS=detect_leaks=0");
    return runProgram(command, environment);
}

} // namespace saccade::test
