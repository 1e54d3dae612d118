// Darkens what lies below, so that points stand out.
#version 450

layout(location = 0) out vec4 color;

void main() { color = vec4(0.0, 0.0, 0.0, 0.38); }
