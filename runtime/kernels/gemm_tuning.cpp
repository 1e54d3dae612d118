#include "kernels/gemm_tuning.hpp"

namespace saccade {

GemmTuning gemmTuning(const Capabilities& capabilities, uint32_t, uint32_t, uint32_t) {
    if (capabilities.isCpu)
        return {1, 8, 8, 4, false, 4};
    return {};
}

} // namespace saccade
