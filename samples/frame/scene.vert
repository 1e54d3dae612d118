// One triangle that covers the screen.
#version 450

layout(location = 0) out vec2 place; // [-1, 1]

void main() {
    const vec2 corner = vec2(gl_VertexIndex == 1 ? 3.0 : -1.0, gl_VertexIndex == 2 ? 3.0 : -1.0);
    place = corner;
    gl_Position = vec4(corner, 0.0, 1.0);
}
