// torch.nn.functional.pixel_unshuffle of an RGBA image by 4, centred: x[c * 16 + (y % 4) * 4 + x % 4][y / 4][x / 4].
#version 450

layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0, rgba8) uniform readonly image2D frame;
layout(set = 0, binding = 1) writeonly buffer Tensor { float tensor[]; };

void main() {
    const ivec2 size = imageSize(frame);
    const ivec2 pixel = ivec2(gl_GlobalInvocationID.xy);
    if (any(greaterThanEqual(pixel, size)))
        return;
    const vec4 value = imageLoad(frame, pixel) - 0.5;
    const ivec2 cell = pixel / 4, inside = pixel % 4;
    for (int c = 0; c < 4; ++c) {
        const int channel = c * 16 + inside.y * 4 + inside.x;
        tensor[(channel * (size.y / 4) + cell.y) * (size.x / 4) + cell.x] = value[c];
    }
}
