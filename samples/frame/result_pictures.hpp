// SPDX-License-Identifier: Apache-2.0
// What a frame's results look like.
#pragma once

#include "picture.hpp"

namespace frame {

/// The frame itself, of 4 bytes a pixel.
Picture framePicture(const uint8_t* bytes);
/// y, of 4 halves a pixel: what every cell gathered from the cells it attends to.
Picture outputPicture(const uint64_t* y);
/// Enlarged: where the keys were moved to, and from where.
Picture pointsPicture(const Picture& frame, const float* vgrid);
/// Enlarged: the weights of one cell's attention, averaged over heads, laid on the frame at the places the keys were
/// moved to.
Picture attentionPicture(const Picture& frame, const float* vgrid, const float* attention, glm::uvec2 cell);

} // namespace frame
