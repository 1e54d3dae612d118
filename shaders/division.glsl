// SPDX-License-Identifier: Apache-2.0
// n / d for n < 2^31, where `d` is what divisor() of runtime/kernels/views.hpp makes of it. No machine has a fast integer
// division, and a CPU driver takes it lane by lane.
uint quotient(uint n, uvec4 d) {
    uint high, low;
    umulExtended(n << 1, d.y, high, low);
    return high >> d.z;
}
