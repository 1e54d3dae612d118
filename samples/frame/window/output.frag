// Attention's output y as a picture: pixel-shuffled back by 4, as unshuffle.comp took the frame apart, and enlarged
// bilinearly.
#version 450

layout(push_constant) uniform Push { uint cells; float side; }; // per side: cells, pixels of the picture
layout(set = 0, binding = 0) readonly buffer Output { float y[]; };
layout(location = 0) out vec4 color;

vec3 texel(ivec2 p) {
    const int last = int(cells) * 4 - 1;
    const uvec2 at = uvec2(clamp(p, ivec2(0), ivec2(last)));
    vec3 value;
    for (uint c = 0u; c < 3u; ++c) {
        const uint channel = c * 16u + at.y % 4u * 4u + at.x % 4u;
        value[c] = y[(channel * cells + at.y / 4u) * cells + at.x / 4u];
    }
    return clamp(value + 0.5, 0.0, 1.0);
}

void main() {
    const vec2 p = gl_FragCoord.xy * (float(cells * 4u) / side) - 0.5;
    const ivec2 low = ivec2(floor(p));
    const vec2 f = p - vec2(low);
    const vec3 above = mix(texel(low), texel(low + ivec2(1, 0)), f.x);
    const vec3 below = mix(texel(low + ivec2(0, 1)), texel(low + ivec2(1, 1)), f.x);
    color = vec4(mix(above, below, f.y), 1.0);
}
