// What --bias table means where the library's default tolerance is out of reach.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "host/errors.hpp"
#include "host/model_runner.hpp"

namespace saccade::cli {

/// Three-dimensional tables often cannot meet the library's 1e-4 within its limit of memory.
constexpr float tableFallbackTolerance = 1e-3f;

/// Returns make(options). Where those ask for a table without a tolerance and none meets the default, asks once more
/// with tableFallbackTolerance, and says so on stderr. `name` begins that line.
template <class Make>
auto withTableFallback(host::PlanOptions options, const std::string& name, const Make& make) {
    try {
        return make(options);
    } catch (const host::LibraryError& error) {
        const bool mayRelax = options.positionBias == SAC_POSITION_BIAS_TABLE && options.positionBiasTolerance == 0;
        if (!mayRelax || error.result() != SAC_ERROR_UNSUPPORTED)
            throw;
        std::fprintf(stderr, "%s: %s; trying a tolerance of %g\n", name.c_str(), error.what(),
                     static_cast<double>(tableFallbackTolerance));
        options.positionBiasTolerance = tableFallbackTolerance;
        return make(options);
    }
}

inline std::unique_ptr<host::ModelRunner> makeRunner(host::Context& context, const std::string& name,
                                                     const host::ModelSource& source, const host::TensorMap& inputs,
                                                     const host::PlanOptions& planOptions) {
    return withTableFallback(planOptions, name, [&](const host::PlanOptions& options) {
        return std::make_unique<host::ModelRunner>(context, source, inputs, options);
    });
}

} // namespace saccade::cli
