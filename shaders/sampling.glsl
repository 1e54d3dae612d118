// SPDX-License-Identifier: Apache-2.0
// Where a sampled position reads and with which weights, axis by axis: the rules of torch.nn.functional.grid_sample.
// Taps are separable in every mode, so a position in 2D or 3D reads the product of its axes' taps.

const int sampleBilinear = 0; // as enum class SampleMode
const int sampleNearest = 1;
const int sampleBicubic = 2;
const int paddingZeros = 0; // as enum class SamplePadding
const int paddingBorder = 1;
const int paddingReflection = 2;

// Pixels and weights along one axis. A pixel of -1 lies outside and reads zero.
struct Taps {
    ivec4 at;
    vec4 weight;
};

// Brings a pixel coordinate into [0, size - 1]. Reflection is about the ends' centres if aligned, else about their
// edges.
float foldPixel(float pixel, float size, int padding, bool alignCorners) {
    if (padding == paddingReflection) {
        const float low = alignCorners ? 0.0 : -0.5;
        const float span = alignCorners ? max(size - 1.0, 1.0) : size;
        const float distance = abs(pixel - low);
        const float flips = floor(distance / span);
        const float rest = distance - flips * span;
        pixel = low + (flips == 2.0 * floor(0.5 * flips) ? rest : span - rest);
    }
    return clamp(pixel, 0.0, size - 1.0);
}

// Cubic convolution with a = -0.75 for the pixels floor - 1 ... floor + 2.
vec4 cubicWeights(float t) {
    const float a = -0.75;
    const vec2 inner = vec2(t, 1.0 - t), outer = inner + 1.0;
    const vec2 near = ((a + 2.0) * inner - (a + 3.0)) * inner * inner + 1.0;
    const vec2 far = ((a * outer - 5.0 * a) * outer + 8.0 * a) * outer - 4.0 * a;
    return vec4(far.x, near.x, near.y, far.y);
}

// Taps for a pixel coordinate, which must be finite.
Taps pixelTaps(float pixel, int pixels, int mode, int padding, bool alignCorners) {
    const float size = float(pixels);
    // What lies this far outside reads nothing anyway, and an integer can hold it.
    if (padding == paddingZeros)
        pixel = clamp(pixel, -3.0, size + 2.0);
    else if (mode != sampleBicubic)
        pixel = foldPixel(pixel, size, padding, alignCorners);
    const float first = mode == sampleNearest ? roundEven(pixel) : floor(pixel);
    const float t = pixel - first;
    vec4 at = vec4(first);
    Taps taps;
    if (mode == sampleBicubic) {
        at += vec4(-1.0, 0.0, 1.0, 2.0);
        if (padding != paddingZeros)
            for (int i = 0; i < 4; ++i)
                at[i] = foldPixel(at[i], size, padding, alignCorners);
        taps.weight = cubicWeights(t);
    } else {
        at.y += 1.0;
        taps.weight = mode == sampleNearest ? vec4(1.0, 0.0, 0.0, 0.0) : vec4(1.0 - t, t, 0.0, 0.0);
    }
    taps.at = mix(ivec4(at), ivec4(-1), lessThan(at, vec4(0.0)));
    taps.at = mix(taps.at, ivec4(-1), greaterThan(at, vec4(size - 1.0)));
    return taps;
}

// Taps for a normalised coordinate: -1 and 1 are the centres of the end pixels if aligned, else their outer edges.
Taps axisTaps(float coordinate, int pixels, int mode, int padding, bool alignCorners) {
    const float last = float(pixels - 1);
    const float halfRange = 0.5 * (alignCorners ? last : float(pixels));
    const float pixel = clamp(coordinate, -1e9, 1e9) * halfRange + 0.5 * last;
    const float unread = padding == paddingZeros ? -3.0 : 0.0;
    return pixelTaps(isNan(coordinate) ? unread : pixel, pixels, mode, padding, alignCorners);
}
