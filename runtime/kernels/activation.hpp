// SPDX-License-Identifier: Apache-2.0
// Functions of one number that kernels apply to what they have computed, before they store it.
#pragma once

#include <cstdint>

namespace saccade {

/// Numbered as in shaders/activation.glsl. Each is PyTorch's function of this name.
enum class ActivationKind : uint32_t {
    none,
    relu,
    gelu, ///< exact, PyTorch's approximate="none"
    tanh,
    geglu,     ///< out[n] = value[n] * gelu(gate[n]) (GLU variants, arXiv 2002.05202): of gemm alone
    leakyRelu, ///< x, below 0 a * x
    geluTanh,  ///< PyTorch's approximate="tanh"
    sigmoid,
    silu,
    elu, ///< x, below 0 a * (exp(x) - 1)
    softplus,
    hardswish,
    hardsigmoid,
    mish,
    exp,
    log,
    log1p,
    expm1,
    sqrt,
    rsqrt,
    square,
    abs,
    neg,
    reciprocal,
    sin,
    cos,
    clamp ///< to a at least and b at most
};

struct Activation {
    ActivationKind kind = ActivationKind::none;
    float a = 0, b = 0;

    constexpr Activation() = default;
    constexpr Activation(ActivationKind kind, float a = 0, float b = 0) : kind(kind), a(a), b(b) {}

    friend constexpr bool operator==(const Activation&, const Activation&) = default;
};

} // namespace saccade
