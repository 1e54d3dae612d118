// SPDX-License-Identifier: Apache-2.0
#include "bench_case.hpp"

#include <array>

#include "host/tensor_file.hpp"
#include "random_tensors.hpp"

namespace saccade::cli {

namespace {

constexpr uint64_t heads = 8; // upstream's defaults
constexpr uint64_t headDim = 64;

struct Example {
    const char* name;
    const char* module;
    uint64_t dim;
    host::Shape size, downsample, offsetScale, kernel;
};

const std::array<Example, 3> examples = {{
    {"1d", "DeformableAttention1D", 128, {512}, {4}, {2}, {6}},
    {"2d", "DeformableAttention2D", 512, {64, 64}, {4, 4}, {4, 4}, {6, 6}},
    {"3d", "DeformableAttention3D", 512, {10, 32, 32}, {2, 8, 8}, {2, 8, 8}, {4, 10, 10}},
}};

// Upstream's 1D and 2D take one number for all axes.
nlohmann::json argument(const host::Shape& perAxis) {
    return perAxis.size() == 3 ? nlohmann::json(perAxis) : nlohmann::json(perAxis[0]);
}

host::Shape joined(host::Shape shape, const host::Shape& tail) {
    shape.insert(shape.end(), tail.begin(), tail.end());
    return shape;
}

host::TensorMap makeWeights(const Example& example, RandomTensors& random) {
    const uint64_t dims = example.size.size();
    const uint64_t inner = heads * headDim;
    const uint64_t groups = heads; // offset_groups defaults to heads
    const uint64_t hidden = example.dim / 4;
    const host::Shape pointwise(dims, 1);

    host::TensorMap weights;
    random.layer(weights, "to_offsets.0", joined({inner / groups, 1}, example.kernel), true);
    random.layer(weights, "to_offsets.2", joined({dims, inner / groups}, pointwise), false);
    if (dims == 3) {
        std::vector<float> scale(example.offsetScale.begin(), example.offsetScale.end());
        weights["to_offsets.4.scale"] = host::makeTensor({3}, scale);
    }
    random.layer(weights, "rel_pos_bias.mlp.0.0", {hidden, dims}, true);
    random.layer(weights, "rel_pos_bias.mlp.1.0", {hidden, hidden}, true);
    random.layer(weights, "rel_pos_bias.mlp.2", {heads / groups, hidden}, true);
    for (const char* name : {"to_q", "to_k", "to_v"})
        random.layer(weights, name, joined({inner, example.dim / groups}, pointwise), false);
    random.layer(weights, "to_out", joined({example.dim, inner}, pointwise), true);
    return weights;
}

BenchCase makeCase(const Example& example) {
    RandomTensors random(2022);
    BenchCase result;
    result.name = example.name;
    result.module = example.module;
    result.config = {{"dim", example.dim},
                     {"dim_head", headDim},
                     {"heads", heads},
                     {"downsample_factor", argument(example.downsample)},
                     {"offset_scale", argument(example.offsetScale)},
                     {"offset_kernel_size", argument(example.kernel)}};
    result.weights = makeWeights(example, random);
    result.inputs["x"] = random.normal(joined({1, example.dim}, example.size));
    result.queries = result.keys = 1;
    for (std::size_t axis = 0; axis < example.size.size(); ++axis) {
        result.queries *= example.size[axis];
        result.keys *= example.size[axis] / example.downsample[axis];
    }
    return result;
}

} // namespace

BenchCase deformableCase(uint32_t dims) { return makeCase(examples.at(dims - 1)); }

BenchCase deformableCase2d(uint64_t size) {
    Example example = examples[1];
    example.size = {size, size};
    BenchCase result = makeCase(example);
    result.name += " " + std::to_string(size) + "x" + std::to_string(size);
    return result;
}

std::vector<std::byte> BenchCase::modelFile() const {
    return host::packTensors(weights, {{"module", module}, {"config", config.dump()}});
}

} // namespace saccade::cli
