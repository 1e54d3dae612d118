// SPDX-License-Identifier: Apache-2.0
// What --bias table means where no table within the library's limit is good enough.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "host/model_runner.hpp"

namespace saccade::cli {

/// Returns make(options), a pointer to something with positionBias(). A table that is off by more than the tolerance of
/// `options` is replaced by the exact bias, which a line on stderr says; `name` begins it.
template <class Make>
auto withTableFallback(host::PlanOptions options, const std::string& name, const Make& make) {
    auto made = make(options);
    const SacPositionBiasProperties bias = made->positionBias();
    const float tolerance = options.positionBias.tolerance > 0 ? options.positionBias.tolerance : 1e-4f;
    if (bias.mode != SAC_POSITION_BIAS_MODE_TABLE || bias.tableError <= tolerance)
        return made;
    std::fprintf(stderr, "%s: the finest table that fits is off by %.2g, more than %.2g: computed exactly\n",
                 name.c_str(), static_cast<double>(bias.tableError), static_cast<double>(tolerance));
    options.positionBias.mode = SAC_POSITION_BIAS_MODE_EXACT;
    made.reset();
    return make(options);
}

inline std::unique_ptr<host::ModelRunner> makeRunner(const host::Context& context, const std::string& name,
                                                     const host::ModelSource& source, const host::TensorMap& inputs,
                                                     const host::PlanOptions& planOptions) {
    return withTableFallback(planOptions, name, [&](const host::PlanOptions& options) {
        return std::make_unique<host::ModelRunner>(context, source, inputs, options);
    });
}

} // namespace saccade::cli
