// The error function, which GLSL lacks. x P(x^2) / Q(x^2) on |x| <= 3.92, where erf reaches 1 to within float32's
// rounding, and constant beyond: the form of W. J. Cody, "Rational Chebyshev approximations for the error function",
// Math. Comp. 23 (1969), with one interval instead of three and coefficients fitted to the relative error (1.9e-8
// before rounding). In float32 the absolute error stays under 2e-7; no branch and no exponential.
float erf(float x) {
    x = clamp(x, -3.92, 3.92);
    const float z = x * x;
    const float p =
        ((((2.050133275e-6 * z + 2.848751204e-4) * z + 3.765311731e-3) * z + 5.274779133e-2) * z + 1.903994582e-1) * z +
        1.128379146;
    const float q =
        ((((3.809178999e-5 * z + 1.162459856e-3) * z + 1.496861055e-2) * z + 1.141062090e-1) * z + 5.020698691e-1) * z +
        1.0;
    return clamp(x * p / q, -1.0, 1.0);
}
