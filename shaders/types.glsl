// SPDX-License-Identifier: Apache-2.0
// Storage types. Arithmetic is always fp32: convert on load with float(...) or vec4(...), on store with stored(...) or
// stored4(...).
#ifdef STORE_F16
#extension GL_EXT_shader_16bit_storage : require
#define T float16_t
#define T4 f16vec4
#define stored(x) T(nearestHalf(x))
#define stored4(x) T4(nearestHalf(x))
#else
#define T float
#define T4 vec4
#define stored(x) (x)
#define stored4(x) (x)
#endif
#include "floats.glsl"
