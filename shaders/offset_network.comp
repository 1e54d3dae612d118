// SPDX-License-Identifier: Apache-2.0
// The offset network of deformable attention (arXiv 2201.00520) in one pass over the queries: depthwise convolution,
// GELU, pointwise convolution to the channels of a position, tanh, index grid, normalisation.
//
// A workgroup computes positionLanes * positionsPerThread positions of one group. `channelLanes` threads share a
// position's channels, four per thread and step, and their sums meet in shared memory. A weight serves all positions of
// a thread. Spatial axes are (depth, height, width), leading ones of size 1 where there are fewer; position channels
// are (position), (x, y) or (frame, height, width).
// Grid: (positions / (positionLanes * positionsPerThread), 1, batch * groups).
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "types.glsl"
#include "activation.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint channelLanes = 16;
layout(constant_id = 2) const uint positionLanes = 8;
layout(constant_id = 3) const uint dims = 2;
layout(constant_id = 4) const bool vectors = false; // q may be read in T4
layout(constant_id = 5) const uint samplingGrid = 0; // as enum class SamplingGrid
layout(constant_id = 6) const bool writesVgrid = false;
layout(constant_id = 7) const uint kernelZ = 1;
layout(constant_id = 8) const uint kernelY = 1;
layout(constant_id = 9) const uint kernelX = 1;
layout(constant_id = 10) const uint strideZ = 1;
layout(constant_id = 11) const uint strideY = 1;
layout(constant_id = 12) const uint strideX = 1;
layout(constant_id = 13) const uint positionsPerThread = 1;

layout(set = 0, binding = 0) readonly buffer Queries { T queries[]; };
layout(set = 0, binding = 0) readonly buffer Queries4 { T4 queries4[]; };
layout(set = 0, binding = 1) readonly buffer Weights4 { vec4 weights4[]; };
layout(set = 0, binding = 2) writeonly buffer Positions { float positions[]; };
layout(set = 0, binding = 3) writeonly buffer Sampling { float sampling[]; };
layout(set = 0, binding = 4) writeonly buffer Vgrid { float vgrid[]; };

#define PARAMETER_BINDING 5
#include "parameters/offset_network.h"

const uint samplingReversed = 1u;
const uint samplingColumn = 2u;

const uint threads = channelLanes * positionLanes;
const uint positionsPerGroup = positionLanes * positionsPerThread;
shared float partial[threads * positionsPerThread * dims]; // [position of the thread][channel][thread]

uint quads, base;
ivec3 corner[positionsPerThread]; // the first query that the kernel covers, (x, y, z)
vec4 feature[positionsPerThread]; // four channels of the depthwise convolution

vec4 loadQuery(uint token, uint quad) {
    if (vectors)
        return vec4(queries4[(token >> 2) + quad]);
    // Beyond the last channel the last one is repeated; its weights there are zero.
    const uvec4 c = token + min(uvec4(4u * quad) + uvec4(0, 1, 2, 3), uvec4(channels - 1u));
    return vec4(queries[c.x], queries[c.y], queries[c.z], queries[c.w]);
}

// Adds one tap of the depthwise convolution for all positions of the thread.
void addTap(ivec3 tap, uint row, uint quad) {
    const vec4 weight = weights4[row];
    [[unroll]] for (uint p = 0u; p < positionsPerThread; ++p) {
        // Negative coordinates wrap around to large ones.
        const uvec3 at = uvec3(corner[p] + tap);
        if (at.x < sizeX && at.y < sizeY && at.z < sizeZ)
            feature[p] += weight * loadQuery(base + ((at.z * sizeY + at.y) * sizeX + at.x) * groups * channels, quad);
    }
}

void convolve(uint quad) {
    const vec4 bias = weights4[kernelZ * kernelY * kernelX * quads + quad];
    [[unroll]] for (uint p = 0u; p < positionsPerThread; ++p)
        feature[p] = bias;
    uint row = quad;
    for (uint z = 0u; z < kernelZ; ++z)
        for (uint y = 0u; y < kernelY; ++y)
            for (uint x = 0u; x < kernelX; ++x, row += quads)
                addTap(ivec3(x, y, z), row, quad);
}

void write(uint entry, uint position, uint channel, float offset) {
    const uvec3 index = uvec3(position % gridX, position / gridX % gridY, position / (gridX * gridY));
    // Channel 0 is x in 1D and 2D and the frame in 3D.
    const uint axis = dims == 3u ? 2u - channel : channel;
    const vec3 scale = vec3(scale0, scale1, scale2), divisor = vec3(divisor0, divisor1, divisor2);
    const float p = float(index[axis]) + scale[channel] * tanhRational(offset);
    // 2 p / divisor - 1 with the difference taken first: exact near the middle of the grid.
    const float normalised = (2.0 * p - divisor[channel]) / divisor[channel];
    const uint row = entry * positionCount + position;
    positions[row * dims + channel] = normalised;
    if (samplingGrid == samplingReversed)
        sampling[row * dims + (dims - 1u - channel)] = normalised;
    if (samplingGrid == samplingColumn) {
        sampling[row * 2u] = normalised;
        sampling[row * 2u + 1u] = 0.0;
    }
    if (writesVgrid)
        vgrid[(entry * dims + channel) * positionCount + position] = p;
}

void main() {
    const uint entry = gl_WorkGroupID.z; // batch * groups + group
    const uint firstPosition = gl_WorkGroupID.x * positionsPerGroup;
    const uint channelLane = gl_LocalInvocationIndex % channelLanes;
    const uint positionLane = gl_LocalInvocationIndex / channelLanes;
    quads = (channels + 3u) / 4u;
    base = (entry / groups * sizeZ * sizeY * sizeX * groups + entry % groups) * channels;

    vec3 offset[positionsPerThread];
    [[unroll]] for (uint p = 0u; p < positionsPerThread; ++p) {
        // Lanes beyond the last position repeat it, and write nothing.
        const uint position = min(firstPosition + p * positionLanes + positionLane, positionCount - 1u);
        const ivec3 cell = ivec3(position % gridX, position / gridX % gridY, position / (gridX * gridY));
        corner[p] = cell * ivec3(strideX, strideY, strideZ) - ivec3(paddingX, paddingY, paddingZ);
        offset[p] = vec3(0.0);
    }
    const uint pointwise = (kernelZ * kernelY * kernelX + 1u) * quads;
    for (uint quad = channelLane; quad < quads; quad += channelLanes) {
        convolve(quad);
        [[unroll]] for (uint p = 0u; p < positionsPerThread; ++p) {
            const vec4 f = feature[p];
            const vec4 activated = vec4(gelu(f.x), gelu(f.y), gelu(f.z), gelu(f.w));
            [[unroll]] for (uint d = 0u; d < dims; ++d)
                offset[p][d] += dot(activated, weights4[pointwise + d * quads + quad]);
        }
    }

    [[unroll]] for (uint p = 0u; p < positionsPerThread; ++p)
        [[unroll]] for (uint d = 0u; d < dims; ++d)
            partial[(p * dims + d) * threads + gl_LocalInvocationIndex] = offset[p][d];
    barrier();
    for (uint e = gl_LocalInvocationIndex; e < positionsPerGroup * dims; e += gl_WorkGroupSize.x) {
        const uint local = e / dims, d = e % dims;
        const uint first = (local / positionLanes * dims + d) * threads + local % positionLanes * channelLanes;
        float sum = 0.0;
        for (uint i = 0u; i < channelLanes; ++i)
            sum += partial[first + i];
        if (firstPosition + local < positionCount)
            write(entry, firstPosition + local, d, sum);
    }
}
