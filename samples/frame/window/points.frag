// A line and a disc at its end, with soft edges.
#version 450

layout(location = 0) flat in vec2 from;
layout(location = 1) flat in vec2 to;
layout(location = 2) flat in vec3 tint;
layout(location = 0) out vec4 color;

void main() {
    const vec2 p = gl_FragCoord.xy, way = to - from;
    const float t = clamp(dot(p - from, way) / max(dot(way, way), 1e-6), 0.0, 1.0);
    const float line = length(p - from - t * way) - 0.8, disc = length(p - to) - 3.2;
    color = vec4(tint, clamp(0.5 - min(line, disc), 0.0, 1.0));
}
