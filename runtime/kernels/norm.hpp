// LayerNorm (Ba et al., arXiv 1607.06450) and l2 normalisation of rows, with a scale per channel.
#pragma once

#include <cstdint>

#include "base/data_type.hpp"
#include "base/device_profile.hpp"
#include "kernels/attention.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

enum class NormKind : uint8_t {
    layer, ///< (x - mean) / sqrt(variance + epsilon) * scale + shift
    l2     ///< x / max(|x|, epsilon) * scale, as torch.nn.functional.normalize
};

/// Operands: 0 source, 1 result, both of the storage type; 2 scale, f32 (width), if hasScale; then shift, f32 (width),
/// if hasShift.
/// Each head of each token is a row. In place where source and result are the same tensor and view.
struct NormDesc {
    DataType storage = DataType::f32;
    NormKind kind = NormKind::layer;
    uint32_t batch = 1, tokens = 1, heads = 1;
    uint32_t width = 1;
    AttentionView source, result;
    bool hasScale = true;
    bool hasShift = false;
    float epsilon = 1e-5f;
};

Kernel normKernel(const NormDesc& desc, const DeviceProfile& device);

} // namespace saccade
