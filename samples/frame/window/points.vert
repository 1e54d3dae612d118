// One quad for each key of each group, around the line from where the key was to where attention moved it.
#version 450

layout(push_constant) uniform Push { uint keys; float side; }; // per side: keys, pixels of the picture
layout(set = 0, binding = 1) readonly buffer Vgrid { float vgrid[]; }; // [group][x, y][key], in downsampled pixels

layout(location = 0) flat out vec2 from;
layout(location = 1) flat out vec2 to;
layout(location = 2) flat out vec3 tint;

const vec3 tints[4] = vec3[](vec3(1.0, 0.35, 0.3), vec3(0.4, 0.95, 0.45), vec3(0.45, 0.65, 1.0), vec3(1.0, 0.9, 0.4));
const vec2 corners[6] = vec2[](vec2(0, -1), vec2(1, -1), vec2(0, 1), vec2(0, 1), vec2(1, -1), vec2(1, 1));
const float margin = 5.0; // beyond the disc and its soft edge

void main() {
    const uint count = keys * keys, group = gl_InstanceIndex / count, key = gl_InstanceIndex % count;
    // The ends of the grid lie on the outer edges of the frame: normalised to [-1, 1], align_corners false.
    const float scale = side / float(keys - 1u);
    from = scale * vec2(key % keys, key / keys);
    to = scale * vec2(vgrid[(group * 2u) * count + key], vgrid[(group * 2u + 1u) * count + key]);
    tint = tints[group % 4u];

    const float far = length(to - from);
    const vec2 along = far > 0.0 ? (to - from) / far : vec2(1.0, 0.0), across = vec2(-along.y, along.x);
    const vec2 corner = corners[gl_VertexIndex];
    const vec2 at = from + along * mix(-margin, far + margin, corner.x) + across * margin * corner.y;
    gl_Position = vec4(2.0 * at / side - 1.0, 0.0, 1.0);
}
