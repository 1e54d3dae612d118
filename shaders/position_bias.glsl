// Continuous position bias of deformable attention (Swin V2, arXiv 2111.09883): an MLP of the distance between a query
// and a key, evaluated as it stands or read from a table of it. Included by the attention kernels and by
// position_bias.comp, so that a table is built by the very code it stands in for.
//
// The includer declares: biasDims, headsPerGroup, mlpWidth, mlpPairs, logDistance, tableSize*, tableOrigin*,
// tableScale*, and vec4 biasVector(uint), float biasFloat(uint) over the packed weights or the table.
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
        for (uint i = 0; i < mlpWidth; ++i) {
            vec4 first = biasVector(i);
            vec4 lowWeights = biasVector(second + i * 2u);
            vec4 highWeights = biasVector(second + i * 2u + 1u);
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
        uint row = mlpLast + outputIndex * (mlpPadded / 4u) + block * 2u;
        vec4 lowLast = biasVector(row);
        vec4 highLast = biasVector(row + 1u);
        [[unroll]] for (uint p = 0; p < mlpPairs; ++p)
            result[p] += dot(max(low[p], vec4(0)), lowLast) + dot(max(high[p], vec4(0)), highLast);
    }
}

// Position of a coordinate between the nodes of one axis. Distances outside the table, which a key moved beyond the
// assumed range could give, read its edge.
uint tableNode(float u, float origin, float scale, uint size, out float fraction) {
    float position = clamp((u - origin) * scale, 0.0, float(size - 1u));
    uint node = min(uint(position), max(size, 2u) - 2u);
    fraction = position - float(node);
    return node;
}

float tableLine(uint at, float fraction) {
    float low = biasFloat(at);
    return low + fraction * (biasFloat(at + 1u) - low);
}

float tablePlane(uint at, vec2 fraction) {
    float low = tableLine(at, fraction.x);
    return low + fraction.y * (tableLine(at + tableSize0, fraction.x) - low);
}

// Table: f32 (outputs, size 2, size 1, size 0). Axes in use have at least 2 nodes.
float tableBias(vec3 u, uint outputIndex) {
    vec3 fraction;
    uint at = outputIndex * (tableSize0 * tableSize1 * tableSize2);
    at += tableNode(u.x, tableOrigin0, tableScale0, tableSize0, fraction.x);
    if (biasDims == 1u)
        return tableLine(at, fraction.x);
    at += tableSize0 * tableNode(u.y, tableOrigin1, tableScale1, tableSize1, fraction.y);
    if (biasDims == 2u)
        return tablePlane(at, fraction.xy);
    at += tableSize0 * tableSize1 * tableNode(u.z, tableOrigin2, tableScale2, tableSize2, fraction.z);
    float low = tablePlane(at, fraction.xy);
    return low + fraction.z * (tablePlane(at + tableSize0 * tableSize1, fraction.xy) - low);
}
