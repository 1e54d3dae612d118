// SPDX-License-Identifier: Apache-2.0
#include "failure.hpp"

#include <CLI/CLI.hpp>
#include <saccade/saccade.hpp>

#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

#include "host/errors.hpp"

namespace saccade::cli {

namespace {

// What the library says of arguments is about a file here: its inputs, its configuration, its weights.
ExitCode codeOf(SacResult result) {
    switch (result) {
    case SAC_ERROR_INVALID_ARGUMENT:
    case SAC_ERROR_MALFORMED_FILE:
    case SAC_ERROR_INVALID_CONFIG:
    case SAC_ERROR_INVALID_WEIGHTS:
        return exitFile;
    default:
        return exitDevice;
    }
}

// The library names its own arguments; here are the options that they came from.
std::string inOwnWords(std::string message) {
    constexpr std::pair<const char*, const char*> words[] = {
        {"info->inputs has", "the inputs have"},
        {"info->outputs has", "--result has"},
        {"info->options", "--argument"},
        {"an option of the plan (SacPlanInfo::options)", "for --argument"},
        {"of the configuration (SacModelInfo::config)", "for --set or --config"},
        {"SacPositionBiasInfo::mode is SAC_POSITION_BIAS_MODE_TABLE", "--bias is table"},
        {"SacPositionBiasInfo::tolerance", "--tolerance"},
        {"info->precision is SAC_PRECISION_FLOAT16", "--precision is f16"},
        {"SAC_PRECISION_FLOAT32", "--precision f32"},
        {"info->module", "--module"},
        {"info->weightPrefix", "--prefix"},
        {"info->randomBlocks", "--layout num_random_blocks"},
        {"info->localWindowBlocks", "--layout local_window_blocks"},
    };
    for (const auto& [from, to] : words)
        for (std::size_t at = 0; (at = message.find(from, at)) != std::string::npos; at += std::strlen(to))
            message.replace(at, std::strlen(from), to);
    return message;
}

} // namespace

Failure currentFailure() {
    try {
        throw;
    } catch (const CLI::Error& error) {
        return {error.what(), exitUsage};
    } catch (const host::FileError& error) {
        return {error.what(), exitFile};
    } catch (const sac::Exception& error) {
        const ExitCode code = codeOf(error.result());
        // Of a device the result says more than its message; what is wrong with a file its message says.
        const std::string result = code == exitDevice ? std::string(sacResultString(error.result())) + ": " : "";
        return {result + inOwnWords(error.what()), code};
    } catch (const std::invalid_argument& error) {
        return {error.what(), exitFile};
    } catch (const std::bad_alloc&) {
        return {"out of host memory", exitDevice};
    } catch (const std::exception& error) {
        return {error.what(), exitDevice};
    }
}

} // namespace saccade::cli
