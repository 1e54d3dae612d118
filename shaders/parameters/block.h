// SPDX-License-Identifier: Apache-2.0
// The parameters of a dispatch: whatever depends on shapes. C++ (runtime/kernels) and GLSL include the same
// declaration:
//
//     BEGIN_PARAMETERS(NormParameters)
//         uvec4 source;
//         uint tokens;
//     END_PARAMETERS
//
// C++ sees a structure, GLSL a uniform block whose members are plain names. A shader defines PARAMETER_BINDING first;
// it is the binding behind its operands. Vectors of four come before scalars, and there are no arrays of scalars and no
// vectors of three: so std140 and C++ agree without padding (tests/kernels/parameters_test.cpp).
#ifndef SACCADE_PARAMETERS_BLOCK_H_
#define SACCADE_PARAMETERS_BLOCK_H_

#ifdef __cplusplus
#include <cstdint>

namespace saccade {
using uint = uint32_t;
struct uvec4 {
    uint x, y, z, w;
};
struct ivec4 {
    int x, y, z, w;
};
struct vec4 {
    float x, y, z, w;
};
} // namespace saccade

#define BEGIN_PARAMETERS(name)                                                                                         \
    namespace saccade {                                                                                                \
    struct name {
#define END_PARAMETERS                                                                                                 \
    }                                                                                                                  \
    ;                                                                                                                  \
    }
#else
#define BEGIN_PARAMETERS(name) layout(std140, set = 0, binding = PARAMETER_BINDING) uniform name {
#define END_PARAMETERS                                                                                                 \
    }                                                                                                                  \
    ;
#endif

#endif
