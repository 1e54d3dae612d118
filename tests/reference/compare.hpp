// SPDX-License-Identifier: Apache-2.0
// How far a result is from the expected one.
#pragma once

#include <cmath>
#include <limits>

#include "reference/tensor.hpp"

namespace saccade::reference {

/// ||result - expected|| / ||expected||, Euclidean; the plain norm of the difference where all expected values are 0.
/// An infinite expected value must be met exactly and then counts for nothing. Another shape, or any NaN: infinity.
inline double relativeError(const Tensor& result, const Tensor& expected) {
    if (result.shape != expected.shape)
        return std::numeric_limits<double>::infinity();
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < expected.data.size(); ++i) {
        const double r = result.data[i], e = expected.data[i];
        if (std::isinf(e) && r == e)
            continue;
        if (!std::isfinite(r) || !std::isfinite(e))
            return std::numeric_limits<double>::infinity();
        difference += (r - e) * (r - e);
        norm += e * e;
    }
    return std::sqrt(norm > 0 ? difference / norm : difference);
}

} // namespace saccade::reference
