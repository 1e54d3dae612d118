// SPDX-License-Identifier: Apache-2.0
// Grouped matrix product with a fused epilogue: every 1x1 convolution and Linear of the library.
//
//   out[b, m, g*N + n] = residual + alpha * act(bias[g*N + n] + sum_k A[b, m, g*K + k] * W[g, k, n])
//
// With CONV the same of a convolution: m is a pixel of the result, k runs over taps and, within a tap, the channels of
// the pixel that it reads (implicit GEMM). W has the channels of each tap padded to a multiple of four.
//
// Two mappings of one register tile (rowsPerThread x columnsPerThread) share all addressing and the epilogue:
//   staged: the workgroup copies A and W slices of stepK through shared memory; for GPUs.
//   direct: each thread reads its own operands, four k at a time; for CPU drivers, where a barrier spills every live
//           value and a shared-memory read costs nearly what a buffer read does, so that only large register tiles pay.
// Threads stand threadsN wide; a thread's rows and columns come in groups of four, strided over the workgroup so that
// neighbouring threads touch neighbouring vec4s.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"
#include "activation.glsl"
#include "loop_end.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int threadsM = 8;
layout(constant_id = 2) const int threadsN = 16;
layout(constant_id = 3) const int quadsM = 2;           // rows per thread / 4
layout(constant_id = 4) const int quadsN = 1;           // columns per thread / 4
layout(constant_id = 5) const int staged = 1;
layout(constant_id = 6) const int stepK = 16;           // k per shared-memory slice, a multiple of 4; 4 when direct
layout(constant_id = 7) const bool aChannelMajor = false;
layout(constant_id = 8) const int aVector = 0;          // 1: A may be read in T4; 2: it ends within a last T4
layout(constant_id = 9) const bool outChannelMajor = false;
layout(constant_id = 10) const bool outVector = false;  // out and residual may be accessed in T4
layout(constant_id = 11) const bool hasBias = false;
layout(constant_id = 12) const bool hasResidual = false;
layout(constant_id = 13) const int activation = 0;      // activation.glsl; activationGeglu is handled here
#ifdef CONV
layout(constant_id = 14) const int boundary = 0;        // conv_place.glsl
layout(constant_id = 15) const bool shuffled = false;   // pixels are shuffled on the way out
#endif

layout(set = 0, binding = 0) readonly buffer A { T a[]; };
layout(set = 0, binding = 0) readonly buffer A4 { T4 a4[]; };
layout(set = 0, binding = 1) readonly buffer W4 { T4 w4[]; };
layout(set = 0, binding = 2) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 3) readonly buffer Residual { T residual[]; };
layout(set = 0, binding = 3) readonly buffer Residual4 { T4 residual4[]; };
layout(set = 0, binding = 4) writeonly buffer Out { T result[]; };
layout(set = 0, binding = 4) writeonly buffer Out4 { T4 result4[]; };

#define PARAMETER_BINDING 5
#ifdef CONV
#include "parameters/conv.h"
#include "conv_place.glsl"
#else
#include "parameters/gemm.h"
#endif

const int rowQuads = threadsM * quadsM;
const int columnQuads = threadsN * quadsN;
const int rowPitch = rowQuads + 1; // one vec4 of padding spreads the transposed writes over the banks
shared vec4 sharedA[staged * (stepK * rowPitch - 1) + 1];
shared vec4 sharedW[staged * (stepK * columnQuads - 1) + 1];

vec4 acc[4 * quadsM * quadsN]; // [row][column quad]

uint aBase, wBase, columnQuadsTotal, depthPadded; // depthPadded: of a tap

// Four k of the row that begins at `base`, zero beyond the depth.
vec4 loadAt(uint base, uint k) {
    const uint last = depth - 1u;
    vec4 v;
    if (aVector != 0)
        v = vec4(a4[(base + k) >> 2]);
    else
        v = vec4(a[base + k], a[base + min(k + 1u, last)], a[base + min(k + 2u, last)], a[base + min(k + 3u, last)]);
    return aVector == 1 ? v : mix(vec4(0.0), v, lessThanEqual(uvec4(k) + uvec4(0, 1, 2, 3), uvec4(last)));
}

// Where a row begins. Rows beyond the last repeat it: their results are never stored.
uint baseOf(uint row) { return aBase + min(row, rows - 1u) * aStride; }

#ifdef CONV
// Four channels of a pixel; zero for one that is hidden.
vec4 loadPixel(uint pixel, uint k) {
    const vec4 v = loadAt(aBase + (pixel == hidden ? 0u : pixel * aStride), k);
    return mix(v, vec4(0.0), bvec4(pixel == hidden));
}
#endif

// Four rows of one k in a channel-major A.
vec4 loadColumn(uint rowQuad, uint k) {
    const uint base = aBase + min(k, depth - 1u) * aStride;
    vec4 v;
    if (aVector != 0) {
        v = vec4(a4[(base >> 2) + min(rowQuad, (rows - 1u) >> 2)]);
    } else {
        const uvec4 row = min(uvec4(rowQuad * 4u) + uvec4(0, 1, 2, 3), uvec4(rows - 1u));
        v = vec4(a[base + row.x], a[base + row.y], a[base + row.z], a[base + row.w]);
    }
    return k < depth ? v : vec4(0.0);
}

vec4 loadWeight(uint columnQuad, uint k) {
    return vec4(w4[wBase + k * columnQuadsTotal + min(columnQuad, columnQuadsTotal - 1u)]);
}

vec4 w[4 * quadsN]; // four k of the thread's columns

// Four rows, [k][row].
void multiplyQuad(int i, mat4 quad) {
    [[unroll]] for (int r = 0; r < 4; ++r)
        [[unroll]] for (int j = 0; j < quadsN; ++j)
            [[unroll]] for (int kk = 0; kk < 4; ++kk)
                acc[(i * 4 + r) * quadsN + j] += quad[kk][r] * w[kk * quadsN + j];
}

void setRow(inout mat4 quad, int r, vec4 v) {
    quad[0][r] = v.x;
    quad[1][r] = v.y;
    quad[2][r] = v.z;
    quad[3][r] = v.w;
}

#ifdef CONV
void accumulateDirect(uint firstRowQuad, uint firstColumnQuad) {
    ivec3 corners[4 * quadsM];
    [[unroll]] for (int i = 0; i < quadsM; ++i)
        [[unroll]] for (int r = 0; r < 4; ++r)
            corners[i * 4 + r] = cornerOf(min((firstRowQuad + uint(i * threadsM)) * 4u + uint(r), rows - 1u));
    uint tapBase = 0u;
    const uvec3 tapEnd = loopEnd(taps.xyz);
    for (uint z = 0u; z < tapEnd.z; ++z)
        for (uint y = 0u; y < tapEnd.y; ++y)
            for (uint x = 0u; x < tapEnd.x; ++x) {
                uint pixels[4 * quadsM];
                [[unroll]] for (int i = 0; i < 4 * quadsM; ++i)
                    pixels[i] = pixelOf(corners[i], uvec3(x, y, z));
                for (uint k = 0u; k < depthPadded; k += 4u) {
                    [[unroll]] for (int kk = 0; kk < 4; ++kk)
                        [[unroll]] for (int j = 0; j < quadsN; ++j)
                            w[kk * quadsN + j] =
                                loadWeight(firstColumnQuad + uint(j * threadsN), tapBase + k + uint(kk));
                    [[unroll]] for (int i = 0; i < quadsM; ++i) {
                        mat4 quad;
                        [[unroll]] for (int r = 0; r < 4; ++r)
                            setRow(quad, r, loadPixel(pixels[i * 4 + r], k));
                        multiplyQuad(i, quad);
                    }
                }
                tapBase += depthPadded;
            }
}
#else
void accumulateDirect(uint firstRowQuad, uint firstColumnQuad) {
    for (uint k = 0u; k < depthPadded; k += 4u) {
        [[unroll]] for (int kk = 0; kk < 4; ++kk)
            [[unroll]] for (int j = 0; j < quadsN; ++j)
                w[kk * quadsN + j] = loadWeight(firstColumnQuad + uint(j * threadsN), k + uint(kk));
        [[unroll]] for (int i = 0; i < quadsM; ++i) {
            const uint rowQuad = firstRowQuad + uint(i * threadsM);
            mat4 quad;
            if (aChannelMajor) {
                [[unroll]] for (int kk = 0; kk < 4; ++kk)
                    quad[kk] = loadColumn(rowQuad, k + uint(kk));
            } else {
                [[unroll]] for (int r = 0; r < 4; ++r)
                    setRow(quad, r, loadAt(baseOf(rowQuad * 4u + uint(r)), k));
            }
            multiplyQuad(i, quad);
        }
    }
}
#endif

// Four k of one row, of all taps one behind the other.
vec4 loadRow(uint row, uint k) {
#ifdef CONV
    const uint tap = k / depthPadded;
    const uvec3 at = uvec3(tap % taps.x, tap / taps.x % taps.y, tap / (taps.x * taps.y));
    return loadPixel(pixelOf(cornerOf(min(row, rows - 1u)), at), k - tap * depthPadded);
#else
    return loadAt(baseOf(row), k);
#endif
}

uint depthOfAllTaps() {
#ifdef CONV
    return depthPadded * taps.x * taps.y * taps.z;
#else
    return depthPadded;
#endif
}

void stageA(uint tileRowQuad, uint k0) {
    if (aChannelMajor) {
        for (uint e = gl_LocalInvocationIndex; e < uint(stepK * rowQuads); e += gl_WorkGroupSize.x) {
            const uint k = e / uint(rowQuads), quad = e % uint(rowQuads);
            sharedA[k * uint(rowPitch) + quad] = loadColumn(tileRowQuad + quad, k0 + k);
        }
        return;
    }
    for (uint e = gl_LocalInvocationIndex; e < uint(stepK * rowQuads); e += gl_WorkGroupSize.x) {
        const uint row = e / uint(stepK / 4), k = e % uint(stepK / 4) * 4u;
        vec4 v = vec4(0.0);
        if (k0 + k < depthOfAllTaps())
            v = loadRow(tileRowQuad * 4u + row, k0 + k);
        [[unroll]] for (int kk = 0; kk < 4; ++kk)
            sharedA[(k + uint(kk)) * uint(rowPitch) + (row >> 2)][row & 3u] = v[kk];
    }
}

void stageW(uint tileColumnQuad, uint k0) {
    for (uint e = gl_LocalInvocationIndex; e < uint(stepK * columnQuads); e += gl_WorkGroupSize.x) {
        const uint k = e / uint(columnQuads), quad = e % uint(columnQuads);
        sharedW[e] = k0 + k < depthOfAllTaps() ? loadWeight(tileColumnQuad + quad, k0 + k) : vec4(0.0);
    }
}

void accumulateStaged(uint tileRowQuad, uint tileColumnQuad, uint threadM, uint threadN) {
    const uint end = depthOfAllTaps();
    for (uint k0 = 0u; k0 < end; k0 += uint(stepK)) {
        stageA(tileRowQuad, k0);
        stageW(tileColumnQuad, k0);
        barrier();
        [[unroll]] for (int k = 0; k < stepK; ++k) {
            vec4 w[quadsN];
            [[unroll]] for (int j = 0; j < quadsN; ++j)
                w[j] = sharedW[uint(k * columnQuads + j * threadsN) + threadN];
            [[unroll]] for (int i = 0; i < quadsM; ++i) {
                const vec4 rows4 = sharedA[uint(k * rowPitch + i * threadsM) + threadM];
                [[unroll]] for (int r = 0; r < 4; ++r)
                    [[unroll]] for (int j = 0; j < quadsN; ++j)
                        acc[(i * 4 + r) * quadsN + j] += rows4[r] * w[j];
            }
        }
        barrier();
    }
}

void storeScalar(uint row, uint column, float value, uint outBase, uint residualBase) {
#ifdef CONV
    if (shuffled) {
        const uint inner = column % (shuffle * shuffle);
        const uvec2 cell = uvec2(row % outSize.x, row / outSize.x);
        const uvec2 pixel = cell * shuffle + uvec2(inner % shuffle, inner / shuffle);
        row = pixel.y * outSize.x * shuffle + pixel.x;
        column /= shuffle * shuffle;
    }
#endif
    const uint outAt = outChannelMajor ? column * outStride + row : row * outStride + column;
    const uint residualAt = outChannelMajor ? column * residualStride + row : row * residualStride + column;
    value *= alpha;
    if (hasResidual)
        value += float(residual[residualBase + residualAt]);
    result[outBase + outAt] = stored(value);
}

// Four columns of one row (tokens-major) or four rows of one column (channel-major).
void storeVector(uint line, uint position, vec4 value, uint outBase, uint residualBase) {
    value *= alpha;
    if (hasResidual)
        value += vec4(residual4[(residualBase + line * residualStride + position) >> 2]);
    result4[(outBase + line * outStride + position) >> 2] = stored4(value);
}

// The bias of four columns, clamped at the end of the group. GEGLU weights are interleaved (value, gate), the bias
// stays as the layer has it.
vec4 loadBias(uint group, uint column) {
    if (!hasBias)
        return vec4(0.0);
    uvec4 c = min(uvec4(column) + uvec4(0, 1, 2, 3), uvec4(columns - 1u));
    if (activation == activationGeglu)
        c = (c >> 1) + (c & 1u) * (columns / 2u);
    c += group * columns;
    return vec4(bias[c.x], bias[c.y], bias[c.z], bias[c.w]);
}

vec4 finish(vec4 value) {
    if (activation == activationGeglu)
        return vec4(value.x * gelu(value.y), value.z * gelu(value.w), 0.0, 0.0);
    return activate4(activation, value, activationA, activationB);
}

// Applies the epilogue to four rows (v) of one column quad and stores them.
void storeQuad(vec4 v[4], vec4 columnBias, uint row, uint column, uint outBase, uint residualBase) {
    [[unroll]] for (int r = 0; r < 4; ++r)
        v[r] = finish(v[r] + columnBias);
    if (outVector && outChannelMajor) {
        if (row < rows)
            [[unroll]] for (int c = 0; c < 4; ++c)
                if (column + uint(c) < columns)
                    storeVector(column + uint(c), row, vec4(v[0][c], v[1][c], v[2][c], v[3][c]), outBase,
                                residualBase);
    } else if (outVector) {
        if (column < columns)
            [[unroll]] for (int r = 0; r < 4; ++r)
                if (row + uint(r) < rows)
                    storeVector(row + uint(r), column, v[r], outBase, residualBase);
    } else {
        const bool geglu = activation == activationGeglu;
        const uint firstOut = geglu ? column / 2u : column;
        const uint outColumns = geglu ? columns / 2u : columns;
        [[unroll]] for (int r = 0; r < 4; ++r)
            [[unroll]] for (int c = 0; c < (geglu ? 2 : 4); ++c)
                if (row + uint(r) < rows && firstOut + uint(c) < outColumns)
                    storeScalar(row + uint(r), firstOut + uint(c), v[r][c], outBase, residualBase);
    }
}

void main() {
    const uint threadN = gl_LocalInvocationIndex % uint(threadsN);
    const uint threadM = gl_LocalInvocationIndex / uint(threadsN);
    const uint batch = gl_WorkGroupID.z / groups, group = gl_WorkGroupID.z % groups;
    const uint tileRowQuad = gl_WorkGroupID.x * uint(rowQuads);
    const uint tileColumnQuad = gl_WorkGroupID.y * uint(columnQuads);

    columnQuadsTotal = (columns + 3u) >> 2;
    depthPadded = loopEnd((depth + 3u) & ~3u);
    aBase = aOffset + batch * aBatchStride + group * depth * (aChannelMajor ? aStride : 1u);
    wBase = batch * weightBatchStride + group * depthOfAllTaps() * columnQuadsTotal;

    [[unroll]] for (int i = 0; i < 4 * quadsM * quadsN; ++i)
        acc[i] = vec4(0.0);
    if (staged != 0)
        accumulateStaged(tileRowQuad, tileColumnQuad, threadM, threadN);
    else
        accumulateDirect(tileRowQuad + threadM, tileColumnQuad + threadN);

    const uint outColumns = activation == activationGeglu ? columns / 2u : columns;
    const uint outGroup = group * outColumns * (outChannelMajor ? outStride : 1u);
    const uint residualGroup = group * outColumns * (outChannelMajor ? residualStride : 1u);
    const uint outBase = outOffset + batch * outBatchStride + outGroup;
    const uint residualBase = residualOffset + batch * residualBatchStride + residualGroup;

    [[unroll]] for (int j = 0; j < quadsN; ++j) {
        const uint column = (tileColumnQuad + threadN + uint(j * threadsN)) * 4u;
        const vec4 columnBias = loadBias(group, column);
        [[unroll]] for (int i = 0; i < quadsM; ++i) {
            vec4 v[4];
            [[unroll]] for (int r = 0; r < 4; ++r)
                v[r] = acc[(i * 4 + r) * quadsN + j];
            const uint row = (tileRowQuad + threadM + uint(i * threadsM)) * 4u;
            storeQuad(v, columnBias, row, column, outBase, residualBase);
        }
    }
}
