// SPDX-License-Identifier: Apache-2.0
// Continuous position bias of deformable attention (Swin V2, arXiv 2111.09883): an MLP of the distance between a query
// and a key. Its coordinates, and where its weights lie.
//
// The includer declares: biasDims, mlpWidth, logDistance.
//
// Packed weights (packPositionBias in runtime/kernels/position_bias.cpp), W' = width rounded up to 8, all in vec4:
//     W'               (first layer's weights for channels 0, 1, 2; its bias) per hidden unit
//     W' * W'/4        second layer: for each input the weights of all outputs
//     W'/4             second layer's bias
//     outputs * W'/4   last layer
//     outputs / 4      last layer's bias
const uint mlpPadded = (mlpWidth + 7u) / 8u * 8u;
const uint mlpSecond = mlpPadded;
const uint mlpSecondBias = mlpSecond + mlpPadded * (mlpPadded / 4u);
const uint mlpLast = mlpSecondBias + mlpPadded / 4u;

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
