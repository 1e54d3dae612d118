// SPDX-License-Identifier: Apache-2.0
// What a caller asks of a plan, checked and in the library's own terms.
#pragma once

#include <memory_resource>
#include <vector>

#include <saccade/saccade.h>

#include "modules/plan_builder.hpp"
#include "vulkan/device.hpp"

namespace saccade {

/// Descriptions of inputs (`shaped`) or outputs, whose shapes follow. `array` names them in messages. Throws
/// SAC_ERROR_INVALID_ARGUMENT, or SAC_ERROR_UNSUPPORTED for a type or format that the device does not have.
std::pmr::vector<TensorRequest> tensorRequests(uint32_t count, const SacTensorDesc* descs, const char* array,
                                               bool shaped, const Device& device);

/// f32 or f16. Throws SAC_ERROR_UNSUPPORTED for FLOAT16 without 16-bit storage.
DataType storageType(SacPrecision precision, const DeviceProfile& device);

/// How a position bias is to be had, defaults filled in. Null: all of them.
BiasRequest biasRequest(const SacPositionBiasInfo* info);

} // namespace saccade
