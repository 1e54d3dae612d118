// SPDX-License-Identifier: Apache-2.0
// What the narrow profiles forbid (SACCADE_PROFILE=weak or minimum). It is known beforehand, so that a refusal is a
// result like any other.
#pragma once

#include <saccade/saccade.h>

#include <string>
#include <vector>

#include "host/device.hpp"
#include "reference/tensor.hpp"
#include "support/plan_buffers.hpp"

namespace saccade::test {

/// Whether no dispatch of `module` with these inputs binds more than 4 storage buffers, which every device has.
bool fitsFourStorageBuffers(const std::string& module, const reference::Tensors& inputs);

/// Whether contexts on `device` have 16-bit storage.
bool hasHalves(const host::Device& device);

/// The limit that keeps the module with these inputs from running on `device`, as messages spell it; null if none does.
/// `half`: halves are bound or stored.
const char* forbiddingLimit(const host::Device& device, const std::string& module, const reference::Tensors& inputs,
                            bool half);

/// Expects that the plan is refused with SAC_ERROR_UNSUPPORTED and `limit` in the message.
void expectForbidden(SacModel model, sac::PlanBuilder& description, const char* limit);

} // namespace saccade::test
