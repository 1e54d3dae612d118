// SPDX-License-Identifier: Apache-2.0
// The subcommands. Each adds itself to the application and returns what to call if it is the one that was given.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace saccade::cli {

struct Command {
    CLI::App* app = nullptr;
    std::function<int()> run; ///< returns an ExitCode; failures are exceptions
};

Command addRunCommand(CLI::App& app);
Command addVerifyCommand(CLI::App& app);
Command addInfoCommand(CLI::App& app);
Command addModulesCommand(CLI::App& app);
Command addDevicesCommand(CLI::App& app);
Command addBenchCommand(CLI::App& app);
Command addBakeCommand(CLI::App& app);

} // namespace saccade::cli
