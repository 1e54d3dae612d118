// SPDX-License-Identifier: Apache-2.0
// The scene in a window, with deformable attention in every frame.
#pragma once

#include "../options.hpp"

namespace frame {

void runLive(const Options& options);

} // namespace frame
