// SPDX-License-Identifier: Apache-2.0
// saccade: runs, checks, describes and measures model files.
#include <CLI/CLI.hpp>
#include <saccade/saccade.h>

#include <cstdio>

#include "commands.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "text.hpp"

namespace {

using namespace saccade::cli;

constexpr const char* footer = R"(
A model file is a safetensors file whose metadata names a module and its configuration; golden cases also hold inputs
(in.*) and reference results (out.*). Help for a command: saccade COMMAND --help

Exit codes:
  0  done, every result within tolerance
  1  a result is out of tolerance
  2  unknown or contradictory arguments
  3  a file cannot be read or written, or its contents are refused: weights, configuration, inputs
  4  no device, or Vulkan or the library failed on it)";

int runCommand(const Command& command) {
    try {
        return command.run();
    } catch (...) {
        const Failure failure = currentFailure();
        std::fflush(stdout);
        std::fprintf(stderr, "saccade %s: %s\n", command.app->get_name().c_str(), failure.message.c_str());
        return failure.code;
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Runs, checks, describes and measures deformable attention and its relatives on a Vulkan device.",
                 "saccade");
    app.footer(footer);
    app.set_version_flag("--version", [] {
        const uint32_t version = sacGetVersion();
        return format("saccade %u.%u.%u", version >> 22, (version >> 12) & 0x3ffu, version & 0xfffu);
    });
    app.require_subcommand(0, 1); // none is answered below, where what was given instead has been named
    const Command commands[] = {addRunCommand(app),     addVerifyCommand(app),  addInfoCommand(app),
                                addModulesCommand(app), addDevicesCommand(app), addBenchCommand(app),
                                addBakeCommand(app)};
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& help) {
        return app.exit(help);
    } catch (const CLI::Error& error) {
        app.exit(error);
        return exitUsage;
    }
    for (const Command& command : commands)
        if (command.app->parsed())
            return runCommand(command);
    std::fprintf(stderr, "%s", app.help().c_str());
    return exitUsage;
}
