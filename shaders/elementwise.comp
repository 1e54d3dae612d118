// SPDX-License-Identifier: Apache-2.0
// result = activation(op(a, b, c)) over strided views that may repeat what they read. An invocation takes one element, or
// four along the last axis.
// Grid: (flat index over elements or vectors, its overflow, 1).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require

#ifdef FROM_F16
#extension GL_EXT_shader_16bit_storage : require
#define From float16_t
#define From4 f16vec4
#else
#define From float
#define From4 vec4
#endif
#include "types.glsl"
#include "activation.glsl"
#include "division.glsl"

const int opCopy = 0; // as enum class ElementwiseOp
const int opAdd = 1;
const int opSub = 2;
const int opMul = 3;
const int opDiv = 4;
const int opMaximum = 5;
const int opMinimum = 6;
const int opPow = 7;
const int opLerp = 8;

const int sourceNumber = 0;   // the parameter
const int sourceElements = 1; // an element or a vector for each of the result
const int sourceRepeated = 2; // with vectors: one element for all four

layout(local_size_x_id = 0) in;
#include "flat_index.glsl"
layout(constant_id = 1) const int op = opCopy;
layout(constant_id = 2) const int axes = 1;
layout(constant_id = 3) const bool vectors = false;
layout(constant_id = 4) const int sourceA = sourceElements;
layout(constant_id = 5) const int sourceB = sourceElements;
layout(constant_id = 6) const int sourceC = sourceElements;
layout(constant_id = 7) const int activation = activationNone;

layout(set = 0, binding = 0) readonly buffer A { From a[]; };
layout(set = 0, binding = 0) readonly buffer A4 { From4 a4[]; };
layout(set = 0, binding = 1) readonly buffer B { From b[]; };
layout(set = 0, binding = 1) readonly buffer B4 { From4 b4[]; };
layout(set = 0, binding = 2) readonly buffer C { From c[]; };
layout(set = 0, binding = 2) readonly buffer C4 { From4 c4[]; };
layout(set = 0, binding = 3) writeonly buffer Result { T result[]; };
layout(set = 0, binding = 3) writeonly buffer Result4 { T4 result4[]; };

#define PARAMETER_BINDING 4
#include "parameters/elementwise.h"

#define LOADER(name, source, elements, elements4)                                                                      \
    vec4 name(uint place) {                                                                                            \
        if (source == sourceNumber)                                                                                    \
            return vec4(number);                                                                                       \
        if (vectors && source == sourceElements)                                                                       \
            return vec4(elements4[place >> 2]);                                                                        \
        return vec4(float(elements[place]));                                                                           \
    }
LOADER(loadA, sourceA, a, a4)
LOADER(loadB, sourceB, b, b4)
LOADER(loadC, sourceC, c, c4)

#define EACH(f, x) vec4(f(x.x), f(x.y), f(x.z), f(x.w))
#define EACH2(f, x, y) vec4(f(x.x, y.x), f(x.y, y.y), f(x.z, y.z), f(x.w, y.w))

// NaN wins, which max() and min() do not promise.
float maximum(float x, float y) { return withNan(max(x, y), isNan(x) || isNan(y)); }
float minimum(float x, float y) { return withNan(min(x, y), isNan(x) || isNan(y)); }

// C's pow, which GLSL's is not for negative x. Small whole exponents are products, exact where they can be.
float power(float x, float y) {
    const float whole = floor(abs(y));
    if (abs(y) == whole && whole <= 64.0) {
        float product = 1.0, square = x;
        for (uint n = uint(whole); n != 0u; n >>= 1, square *= square)
            if ((n & 1u) != 0u)
                product *= square;
        return y < 0.0 ? 1.0 / product : product;
    }
    if (y == 0.5)
        return sqrt(x);
    const float magnitude = exp2(y * log2(abs(x)));
    const bool integral = abs(y) == whole;
    const bool odd = integral && whole < 16777216.0 && mod(whole, 2.0) == 1.0;
    return withNan(x < 0.0 && odd ? -magnitude : magnitude, (x < 0.0 && !integral) || isNan(x) || isNan(y));
}

// PyTorch's form, which gives the ends exactly.
float between(float start, float end, float weight) {
    return weight < 0.5 ? start + weight * (end - start) : end - (end - start) * (1.0 - weight);
}

vec4 computed(uvec4 place) {
    const vec4 x = loadA(place.x);
    if (op == opCopy)
        return x;
    const vec4 y = loadB(place.y);
    switch (op) {
    case opAdd:
        return x + y;
    case opSub:
        return x - y;
    case opMul:
        return x * y;
    case opDiv:
        return x / y;
    case opMaximum:
        return EACH2(maximum, x, y);
    case opMinimum:
        return EACH2(minimum, x, y);
    case opPow:
        return EACH2(power, x, y);
    }
    const vec4 w = loadC(place.z);
    return vec4(between(x.x, y.x, w.x), between(x.y, y.y, w.y), between(x.z, y.z, w.z), between(x.w, y.w, w.w));
}

void main() {
    uint rest = flatIndex();
    if (rest >= items)
        return;
    uvec4 place = offsets;
    [[unroll]] for (int axis = axes - 1; axis > 0; --axis) {
        const uint above = quotient(rest, sizes[axis]);
        place += (rest - above * sizes[axis].x) * strides[axis];
        rest = above;
    }
    place += rest * strides[0];

    vec4 value = computed(place);
    if (activation != activationNone)
        value = activate4(activation, value, activationA, activationB);
    if (vectors)
        result4[place.w >> 2] = stored4(value);
    else
        result[place.w] = stored(value.x);
}
