// SPDX-License-Identifier: Apache-2.0
// Activations, numbered as enum class ActivationKind in runtime/kernels/activation.hpp.
#include "erf.glsl"
#include "elementary.glsl"

const int activationNone = 0;
const int activationRelu = 1;
const int activationGelu = 2;
const int activationTanh = 3;
const int activationGeglu = 4; // gelu(gate) * value: takes two numbers, so gemm applies it itself
const int activationLeakyRelu = 5;
const int activationGeluTanh = 6;
const int activationSigmoid = 7;
const int activationSilu = 8;
const int activationElu = 9;
const int activationSoftplus = 10;
const int activationHardswish = 11;
const int activationHardsigmoid = 12;
const int activationMish = 13;
const int activationExp = 14;
const int activationLog = 15;
const int activationLog1p = 16;
const int activationExpm1 = 17;
const int activationSqrt = 18;
const int activationRsqrt = 19;
const int activationSquare = 20;
const int activationAbs = 21;
const int activationNeg = 22;
const int activationReciprocal = 23;
const int activationSin = 24;
const int activationCos = 25;
const int activationClamp = 26;

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

float sigmoid(float x) { return 1.0 / (1.0 + exponential(-x)); }

// Beyond 20 it is x, to within float32's rounding.
float softplus(float x) { return x > 20.0 ? x : logarithm1p(exponential(x)); }

float clampTo(float x, float least, float most) { return withNan(clamp(x, least, most), isNan(x)); }

// NaN stays NaN, which clamp() and max() do not promise.
float activate(int kind, float x, float a, float b) {
    switch (kind) {
    case activationRelu:
        return withNan(max(x, 0.0), isNan(x));
    case activationGelu:
        return gelu(x);
    case activationTanh:
        return tanhRational(x);
    case activationLeakyRelu:
        return x < 0.0 ? a * x : x;
    case activationGeluTanh:
        return 0.5 * x * (1.0 + tanhRational(0.79788456 * (x + 0.044715 * x * x * x)));
    case activationSigmoid:
        return sigmoid(x);
    case activationSilu:
        return x * sigmoid(x);
    case activationElu:
        return x < 0.0 ? a * exponentialMinus1(x) : x;
    case activationSoftplus:
        return softplus(x);
    case activationHardswish:
        return x * clampTo(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
    case activationHardsigmoid:
        return clampTo(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
    case activationMish:
        return x * tanhRational(softplus(x));
    case activationExp:
        return exponential(x);
    case activationLog:
        return logarithm(x);
    case activationLog1p:
        return logarithm1p(x);
    case activationExpm1:
        return exponentialMinus1(x);
    case activationSqrt:
        return sqrt(x);
    case activationRsqrt:
        return 1.0 / sqrt(x);
    case activationSquare:
        return x * x;
    case activationAbs:
        return abs(x);
    case activationNeg:
        return -x;
    case activationReciprocal:
        return 1.0 / x;
    case activationSin:
        return cosineAndSine(x).y;
    case activationCos:
        return cosineAndSine(x).x;
    case activationClamp:
        return clampTo(x, a, b);
    }
    return x;
}

// A loop, so that drivers that inline every call compile the cases once.
vec4 activate4(int kind, vec4 x, float a, float b) {
    if (kind == activationNone)
        return x;
    for (int i = 0; i < 4; ++i)
        x[i] = activate(kind, x[i], a, b);
    return x;
}
