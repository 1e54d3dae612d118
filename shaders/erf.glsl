// SPDX-License-Identifier: Apache-2.0
// The error function, which GLSL lacks: on |x| < 1 its Maclaurin form x + x P(x^2), beyond it 1 - exp(-R(|x|)) with R
// a polynomial for -ln erfc (Abramowitz and Stegun, 7.1.5 and 7.1.2), constant from 3.92 on, where float32 rounds erf
// to 1. Minimax fits of degree 6 and 5: errors 1.2e-9 (relative) and 1.6e-8 before rounding, under 1.5e-7 in float32.
float erf(float x) {
    const float t = min(abs(x), 3.92);
    const float z = t * t;
    const float p = (((((7.854160514e-5 * z - 8.010291546e-4) * z + 5.188340028e-3) * z - 2.685381941e-2) * z +
                      1.128358537e-1) * z - 3.761262585e-1) * z + 1.283791657e-1;
    const float r = ((((1.150489180e-3 * t - 1.477861757e-2) * t + 8.863562001e-2) * t + 6.544868881e-1) * t +
                     1.117439921) * t + 2.671307314e-3;
    return t < 1.0 ? x + x * p : sign(x) * (1.0 - exp(-r));
}
