// Attention's output y as a picture, enlarged bilinearly: what it reads is colour less 0.5, and so is what it writes.
#version 450

layout(push_constant) uniform Push { uint keys; float side; }; // per side: keys, pixels of the picture
layout(set = 0, binding = 0) uniform sampler2D y;
layout(location = 0) out vec4 color;

void main() { color = vec4(texture(y, gl_FragCoord.xy / side).rgb + 0.5, 1.0); }
