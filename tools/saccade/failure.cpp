#include "failure.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <new>
#include <stdexcept>

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

} // namespace

Failure currentFailure() {
    try {
        throw;
    } catch (const CLI::Error& error) {
        return {error.what(), exitUsage};
    } catch (const host::FileError& error) {
        return {error.what(), exitFile};
    } catch (const host::LibraryError& error) {
        return {std::string(sacResultString(error.result())) + ": " + error.what(), codeOf(error.result())};
    } catch (const std::invalid_argument& error) {
        return {error.what(), exitFile};
    } catch (const std::bad_alloc&) {
        return {"out of host memory", exitDevice};
    } catch (const std::exception& error) {
        return {error.what(), exitDevice};
    }
}

} // namespace saccade::cli
