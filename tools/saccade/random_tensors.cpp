// SPDX-License-Identifier: Apache-2.0
#include "random_tensors.hpp"

#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>

namespace saccade::cli {

namespace {

uint64_t product(const host::Shape& shape, std::size_t first = 0) {
    return std::accumulate(shape.begin() + static_cast<std::ptrdiff_t>(first), shape.end(), uint64_t{1},
                           std::multiplies<>());
}

} // namespace

double RandomTensors::unit() { return (static_cast<double>(engine_() >> 11) + 1) * 0x1p-53; }

host::Tensor RandomTensors::uniform(const host::Shape& shape, double bound) {
    std::vector<float> values(product(shape));
    for (float& value : values)
        value = static_cast<float>((2 * unit() - 1) * bound);
    return host::makeTensor(shape, values);
}

host::Tensor RandomTensors::normal(const host::Shape& shape) {
    std::vector<float> values(product(shape));
    for (float& value : values) { // Box and Muller, one of the pair
        const double radius = std::sqrt(-2 * std::log(unit()));
        value = static_cast<float>(radius * std::cos(2 * std::numbers::pi * unit()));
    }
    return host::makeTensor(shape, values);
}

void RandomTensors::layer(host::TensorMap& weights, const std::string& name, const host::Shape& shape, bool bias) {
    const double bound = 1 / std::sqrt(static_cast<double>(product(shape, 1)));
    weights[name + ".weight"] = uniform(shape, bound);
    if (bias)
        weights[name + ".bias"] = uniform({shape[0]}, bound);
}

host::Tensor constantTensor(const host::Shape& shape, float value) {
    return host::makeTensor(shape, std::vector<float>(product(shape), value));
}

} // namespace saccade::cli
