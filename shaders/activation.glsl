// SPDX-License-Identifier: Apache-2.0
// Activations, numbered as enum class Activation in runtime/kernels/gemm.hpp.
#include "erf.glsl"

const int activationNone = 0;
const int activationRelu = 1;
const int activationGelu = 2;  // exact: PyTorch's approximate="none"
const int activationTanh = 3;
const int activationGeglu = 4; // gelu(gate) * value: takes two numbers, so kernels apply it themselves
const int activationLeakyRelu = 5; // max(x, 0.1 x)

float gelu(float x) { return 0.5 * x * (1.0 + erf(x * 0.70710678118654752)); }

// GLSL's tanh may be built from exponentials: inf / inf for large arguments, and half the digits lost for small ones.
// This is x P(x^2) / Q(x^2), fitted to the relative error (2.1e-8 before rounding, under 4e-7 in float32) on
// |x| <= 9.01, where tanh reaches 1 to within float32's rounding.
float tanhRational(float number) {
    const float x = clamp(number, -9.01, 9.01);
    const float z = x * x;
    const float p =
        (((1.333741554e-8 * z + 2.059673122e-5) * z + 3.494840971e-3) * z + 1.338039751e-1) * z + 0.9999999793;
    const float q = (((7.769529258e-7 * z + 3.284410651e-4) * z + 2.587414281e-2) * z + 4.671371296e-1) * z + 1.0;
    return withNan(clamp(x * p / q, -1.0, 1.0), isNan(number));
}

// NaN stays NaN, which clamp() and max() do not promise.
float activate(int kind, float x) {
    if (kind == activationRelu)
        return withNan(max(x, 0.0), isNan(x));
    if (kind == activationGelu)
        return gelu(x);
    if (kind == activationTanh)
        return tanhRational(x);
    if (kind == activationLeakyRelu)
        return withNan(max(x, 0.1 * x), isNan(x));
    return x;
}
