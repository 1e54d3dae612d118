// Continuous position bias of deformable attention (Swin V2, arXiv 2111.09883): an MLP of the distance between a query
// and a key, evaluated as it stands or read from a table of it. Included by the attention kernels and by
// position_bias.comp, so that a table is built by the very code it stands in for.
//
// The includer declares: biasDims, headsPerGroup, mlpWidth, mlpPairs, logDistance, tableQuads, tableSize*,
// tableOrigin*, tableScale*, and vec4 biasVector(uint), float biasFloat(uint) over the packed weights or the table.
//
// Packed weights (packPositionBias in runtime/kernels/position_bias.cpp), W' = width rounded up to 8, all in vec4:
//     W'               (first layer's weights for channels 0, 1, 2; its bias) per hidden unit
//     W'/8 * W' * 2    second layer: for each 8 outputs, for each input, the 8 weights
//     W'/4             second layer's bias
//     outputs * W'/4   last layer
//     outputs / 4      last layer's bias
const uint mlpPadded = (mlpWidth + 7u) / 8u * 8u;
const uint mlpSecond = mlpPadded;
const uint mlpSecondBias = mlpSecond + mlpPadded / 8u * mlpPadded * 2u;
const uint mlpLast = mlpSecondBias + mlpPadded / 4u;
const uint mlpLastBias = mlpLast + headsPerGroup * (mlpPadded / 4u);

// Hidden units whose weights are read at once: one, or, with LANE_BROADCAST, one per lane, handed round.
#ifdef LANE_BROADCAST
const uint mlpReaders = gl_WorkGroupSize.x;
#else
const uint mlpReaders = 1u;
#endif

float biasCoordinate(float p) {
    if (!logDistance)
        return p;
    float magnitude = log(abs(p) + 1.0);
    return p < 0.0 ? -magnitude : magnitude;
}

vec3 biasCoordinates(vec3 p) {
    return vec3(biasCoordinate(p.x), biasDims > 1u ? biasCoordinate(p.y) : 0.0,
                biasDims > 2u ? biasCoordinate(p.z) : 0.0);
}

// Eight hidden units of the second layer at a time stay in registers; the first layer, a few multiplications per unit,
// is recomputed for each eight rather than stored. Weights are the same for all lanes and serve `mlpPairs` pairs.
void exactBias(vec3 u[mlpPairs], uint outputIndex, out float result[mlpPairs]) {
    float last = biasFloat(mlpLastBias * 4u + outputIndex);
    [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
        result[p] = last;
    for (uint block = 0; block < mlpPadded / 8u; ++block) {
        vec4 low[mlpPairs], high[mlpPairs];
        vec4 lowBias = biasVector(mlpSecondBias + block * 2u);
        vec4 highBias = biasVector(mlpSecondBias + block * 2u + 1u);
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p) {
            low[p] = lowBias;
            high[p] = highBias;
        }
        uint second = mlpSecond + block * mlpPadded * 2u;
        for (uint i = 0; i < mlpPadded; i += mlpReaders) {
            uint own = i + (mlpReaders > 1u ? gl_LocalInvocationIndex : 0u);
            vec4 firstRead = biasVector(own);
            vec4 lowRead = biasVector(second + own * 2u);
            vec4 highRead = biasVector(second + own * 2u + 1u);
            [[unroll]] for (uint lane = 0; lane < mlpReaders; ++lane) {
                vec4 first = FROM_LANE(firstRead, lane);
                vec4 lowWeights = FROM_LANE(lowRead, lane);
                vec4 highWeights = FROM_LANE(highRead, lane);
                [[unroll]] for (uint p = 0; p < mlpPairs; ++p) {
                    float hidden = first.w + first.x * u[p].x;
                    if (biasDims > 1u)
                        hidden += first.y * u[p].y;
                    if (biasDims > 2u)
                        hidden += first.z * u[p].z;
                    hidden = max(hidden, 0.0);
                    low[p] += hidden * lowWeights;
                    high[p] += hidden * highWeights;
                }
            }
        }
        uint row = mlpLast + outputIndex * (mlpPadded / 4u) + block * 2u;
        vec4 lowLast = biasVector(row);
        vec4 highLast = biasVector(row + 1u);
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
            result[p] += dot(max(low[p], vec4(0)), lowLast) + dot(max(high[p], vec4(0)), highLast);
    }
}

// Position of a coordinate between the nodes of one axis: the lower node, and how far behind it. Distances outside the
// table, which a key moved beyond the assumed range could give, read its edge.
float tablePosition(float u, float origin, float scale, uint size) {
    return clamp((u - origin) * scale, 0.0, float(size - 1u));
}

vec3 tablePositions(vec3 u) {
    return vec3(tablePosition(u.x, tableOrigin0, tableScale0, tableSize0),
                biasDims > 1u ? tablePosition(u.y, tableOrigin1, tableScale1, tableSize1) : 0.0,
                biasDims > 2u ? tablePosition(u.z, tableOrigin2, tableScale2, tableSize2) : 0.0);
}

// Value at a fraction of the way to the next nodes along axes 0 and 1. As quads, an entry holds its node, the next along
// axis 0, the next along axis 1, and the next along both: one read instead of four for four times the memory.
float tablePlane(uint at, vec2 fraction) {
    vec4 corners;
    if (tableQuads)
        corners = biasVector(at);
    else
        corners = vec4(biasFloat(at), biasFloat(at + 1u), biasDims > 1u ? biasFloat(at + tableSize0) : 0.0,
                       biasDims > 1u ? biasFloat(at + tableSize0 + 1u) : 0.0);
    vec2 line = biasDims > 1u ? corners.xy + fraction.y * (corners.zw - corners.xy) : corners.xy;
    return line.x + fraction.x * (line.y - line.x);
}

// Table: f32 (outputs, size 2, size 1, size 0), or vec4 of the same shape as quads. Axes in use have at least 2 nodes.
float tableBias(vec3 position, uint outputIndex) {
    uvec3 node = min(uvec3(position), max(uvec3(tableSize0, tableSize1, tableSize2), uvec3(2u)) - 2u);
    vec3 fraction = position - vec3(node);
    uint at = ((outputIndex * tableSize2 + node.z) * tableSize1 + node.y) * tableSize0 + node.x;
    float low = tablePlane(at, fraction.xy);
    if (biasDims < 3u)
        return low;
    return low + fraction.z * (tablePlane(at + tableSize0 * tableSize1, fraction.xy) - low);
}
