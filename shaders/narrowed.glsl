// SPDX-License-Identifier: Apache-2.0
// The 32-bit integer nearest to a 64-bit one, given by its low and high word: what lies beyond does not wrap into range.
int narrowed(int low, int high) {
    return high == low >> 31 ? low : high < 0 ? int(0x80000000) : 0x7fffffff;
}
