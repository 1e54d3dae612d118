// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_view.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "io/half.hpp"

namespace saccade {

static_assert(std::endian::native == std::endian::little, "files are little-endian and read as they lie");

namespace {

/// Loads through memcpy, since files need not align their tensors.
template <class Stored, class Convert>
void convertAll(const std::byte* data, std::span<float> out, Convert convert) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        Stored stored;
        std::memcpy(&stored, data + i * sizeof(Stored), sizeof(Stored));
        out[i] = convert(stored);
    }
}

} // namespace

void readFloats(const TensorView& tensor, std::span<float> out, NonFinite nonFinite) {
    if (!isFloatingPoint(tensor.type))
        throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"%.*s\": type %.*s is none of F32, F16, BF16, F64",
                    clip(tensor.name), tensor.name.data(), clip(tensor.typeName), tensor.typeName.data());
    if (tensor.elementCount() != out.size())
        throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"%.*s\": %llu elements where %zu are wanted", clip(tensor.name),
                    tensor.name.data(), wide(tensor.elementCount()), out.size());
    switch (tensor.type) {
    case DataType::f16:
        convertAll<uint16_t>(tensor.data, out, halfToFloat);
        break;
    case DataType::bf16:
        convertAll<uint16_t>(tensor.data, out, bfloat16ToFloat);
        break;
    case DataType::f64:
        convertAll<double>(tensor.data, out, [](double value) { return static_cast<float>(value); });
        break;
    default:
        if (!out.empty())
            std::memcpy(out.data(), tensor.data, out.size_bytes());
        break;
    }
    if (nonFinite == NonFinite::accept)
        return;
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (std::isfinite(out[i]))
            continue;
        double stored = out[i];
        if (tensor.type == DataType::f64)
            std::memcpy(&stored, tensor.data + i * sizeof(double), sizeof(double));
        throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"%.*s\": element %zu is %g, not a finite 32-bit float",
                    clip(tensor.name), tensor.name.data(), i, stored);
    }
}

} // namespace saccade
