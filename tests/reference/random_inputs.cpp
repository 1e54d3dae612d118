// SPDX-License-Identifier: Apache-2.0
#include "reference/random_case.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/random.hpp"

namespace saccade::reference {
namespace {

using nlohmann::json;

Shape joined(Shape shape, const Shape& more) {
    shape.insert(shape.end(), more.begin(), more.end());
    return shape;
}

/// Absent or false: nothing. True: random. "empty": random, but nothing kept in the last batch (the last row).
void addMask(Tensors& inputs, Random& random, const json& sizes, const char* option, const char* name, Shape shape) {
    const json kind = sizes.value(option, json(false));
    if (kind == false)
        return;
    Tensor& mask = inputs[name] = random.maskTensor(std::move(shape));
    if (kind == "empty")
        std::fill(mask.data.end() - mask.size(-1), mask.data.end(), 0.0);
}

/// Positions beyond both edges. Near a tie of the nearest mode float32 and float64 may choose different pixels, which
/// would say nothing about either, so that mode gets none there.
Tensor samplingGrid(Random& random, const Shape& size, Shape shape, bool nearest, bool alignCorners) {
    Tensor grid(std::move(shape));
    const auto axes = static_cast<int64_t>(size.size());
    for (int64_t i = 0; i < grid.count(); ++i) {
        const auto pixels = static_cast<double>(size[static_cast<std::size_t>(axes - 1 - i % axes)]);
        double& position = grid.data[static_cast<std::size_t>(i)];
        double distance = 0;
        do {
            position = random.uniform(-1.6, 1.6);
            const double pixel = alignCorners ? (position + 1) / 2 * (pixels - 1) : ((position + 1) * pixels - 1) / 2;
            distance = std::fabs(pixel - std::floor(pixel) - 0.5);
        } while (nearest && distance < 1e-3);
    }
    return grid;
}

Tensors gridSample(Random& random, const json& config, const json& sizes, const char* image, const char* grid) {
    const Shape size = sizes.at("size"), out = sizes.at("out");
    const int64_t batch = sizes.at("batch");
    const json align = config.value("align_corners", json(false));
    const bool nearest = config.value("mode", "bilinear") == "nearest";
    return {{image, random.normalTensor(joined({batch, sizes.at("channels")}, size))},
            {grid, samplingGrid(random, size, joined(joined({batch}, out), {static_cast<int64_t>(size.size())}),
                                nearest, align.is_boolean() ? align.get<bool>() : align.get<int>() != 0)}};
}

Tensors msDeform(Random& random, const json& config, const json& sizes) {
    const int64_t batch = sizes.at("batch"), queries = sizes.at("queries"), model = config.value("d_model", 256);
    const auto shapes = sizes.at("shapes").get<std::vector<Shape>>();
    Tensor spatial({static_cast<int64_t>(shapes.size()), 2});
    int64_t pixels = 0;
    for (std::size_t l = 0; l < shapes.size(); ++l) {
        spatial.data[2 * l] = static_cast<double>(shapes[l].at(0));
        spatial.data[2 * l + 1] = static_cast<double>(shapes[l].at(1));
        pixels += elementCount(shapes[l]);
    }
    Tensors inputs{{"query", random.normalTensor({batch, queries, model})},
                   {"x", random.normalTensor({batch, pixels, model})},
                   {"spatial_shapes", spatial},
                   {"reference_points",
                    random.uniformTensor({batch, queries, spatial.size(0), sizes.value("box", false) ? 4 : 2}, 0, 1)}};
    addMask(inputs, random, sizes, "padding_mask", "padding_mask", {batch, pixels});
    if (Tensor* mask = sizes.value("padding_mask", json(false)) == false ? nullptr : &inputs["padding_mask"])
        for (double& value : mask->data) // here true means padding
            value = 1 - value;
    return inputs;
}

Tensors phenaki(Random& random, const json& config, const json& sizes, bool transformer) {
    // Without a batch of their own a transformer's tokens are the videos'.
    const bool videos = transformer && !sizes.contains("batch");
    const Shape video = videos ? config.at("video_shape").get<Shape>() : Shape{};
    const int64_t batch = videos ? video[0] : sizes.at("batch").get<int64_t>();
    const int64_t n = videos ? elementCount(video) / batch : sizes.at("n").get<int64_t>();
    const int64_t dim = config.at("dim"), context = sizes.value("context", 0);
    Tensors inputs{{"x", random.normalTensor({batch, n, dim})}};
    if (context > 0)
        inputs["context"] = random.normalTensor({batch, context, config.value("dim_context", dim)});
    const int64_t keys = context > 0 && !transformer ? context : n;
    const int64_t masks = sizes.value("shared_mask", false) ? 1 : batch;
    addMask(inputs, random, sizes, "mask", transformer ? "self_attn_mask" : "mask", {masks, keys});
    if (context > 0)
        addMask(inputs, random, sizes, "context_mask", "cross_attn_context_mask", {masks, context});
    // true: (heads, n, keys); or the shape itself.
    if (const json bias = sizes.value("attn_bias", json(false)); bias != false)
        inputs["attn_bias"] =
            random.normalTensor(bias.is_array() ? bias.get<Shape>() : Shape{config.value("heads", 8), n, keys});
    return inputs;
}

Tensors dalle(Random& random, const std::string& module, const json& config, const json& sizes) {
    const int64_t batch = sizes.at("batch"), n = sizes.at("n"), sequence = config.at("seq_len");
    Tensors inputs{{"x", random.normalTensor({batch, n, config.at("dim")})}};
    const bool image = module == "SparseConvCausalAttention" || module == "SparseAxialCausalAttention";
    const int64_t size = config.value("image_size", 32);
    addMask(inputs, random, sizes, "mask", "mask",
            {sizes.value("shared_mask", false) ? 1 : batch, image ? sequence + 1 - size * size : n});
    addMask(inputs, random, sizes, "static_mask", "static_mask", {sequence, sequence});
    if (const int64_t features = sizes.value("rotary", 0)) {
        // Pairs turn together. Every other pair goes far beyond a turn, as positions of the other modality do.
        Shape shape = sizes.value("rotary_shape", Shape{1, sequence + 1});
        shape.push_back(features);
        Tensor& angles = inputs["rotary_pos_emb"] = Tensor(shape);
        for (int64_t i = 0; i < angles.count(); i += 2) {
            double& angle = angles.data[static_cast<std::size_t>(i)];
            angle = random.uniform(-10, 10);
            if (i / 2 % 2 == 1)
                angle = static_cast<float>(angle * 800);
            angles.data[static_cast<std::size_t>(i) + 1] = angle;
        }
    }
    if (module == "SparseAttention") {
        const int64_t block = config.value("block_size", 16), blocks = (n + block - 1) / block;
        const int64_t layouts = sizes.value("shared_layout", false) ? 1 : config.value("heads", 8);
        Tensor& layout = inputs["layout"] = Tensor({layouts, blocks, blocks});
        for (int64_t h = 0; h < layout.size(0); ++h)
            for (int64_t row = 0; row < blocks; ++row)
                for (int64_t column = 0; column < blocks; ++column)
                    layout(h, row, column) = row == column || (!(config.value("causal", true) && column > row) &&
                                                               (column == 0 || random.index(3) == 0));
    }
    return inputs;
}

Tensors onnxRotaryEmbedding(Random& random, const json& config, const json& sizes) {
    const int64_t batch = sizes.at("batch"), heads = sizes.at("heads"), n = sizes.at("n"), d = sizes.at("d");
    const int64_t turned = config.value("rotary_embedding_dim", 0), rows = n + 5;
    const int64_t pairs = (turned == 0 ? d : turned) / 2;
    const bool ids = sizes.value("position_ids", false);
    Tensors inputs{{"input", random.normalTensor(sizes.value("rank", 4) == 3 ? Shape{batch, n, heads * d}
                                                                             : Shape{batch, heads, n, d})}};
    Tensor cosines(ids ? Shape{rows, pairs} : Shape{batch, n, pairs}), sines = cosines;
    for (std::size_t i = 0; i < cosines.data.size(); ++i) {
        const double angle = random.uniform(-3, 3);
        cosines.data[i] = static_cast<float>(std::cos(angle));
        sines.data[i] = static_cast<float>(std::sin(angle));
    }
    inputs["cos_cache"] = cosines;
    inputs["sin_cache"] = sines;
    if (ids) {
        Tensor& positions = inputs["position_ids"] = Tensor({batch, n});
        for (double& position : positions.data)
            position = static_cast<double>(random.index(rows));
    }
    return inputs;
}

Tensors onnxDeformConv(Random& random, const json& config, const json& sizes) {
    const int64_t batch = sizes.at("batch"), in = sizes.at("in"), out = sizes.at("out");
    const Shape size = sizes.at("size"), kernel = sizes.at("kernel");
    const Shape strides = config.value("strides", Shape{1, 1}), dilations = config.value("dilations", Shape{1, 1});
    const Shape pads = config.value("pads", Shape{0, 0, 0, 0});
    Shape outSize(2);
    for (std::size_t a = 0; a < 2; ++a)
        outSize[a] = (size[a] + pads[a] + pads[a + 2] - dilations[a] * (kernel[a] - 1) - 1) / strides[a] + 1;
    const int64_t taps = config.value("offset_group", 1) * elementCount(kernel);
    Tensors inputs{{"X", random.normalTensor(joined({batch, in}, size))},
                   {"W", random.uniformTensor(joined({out, in / config.value("group", 1)}, kernel), -0.5, 0.5)},
                   {"offset", random.uniformTensor(joined({batch, 2 * taps}, outSize), -2, 2)}};
    if (sizes.value("bias", false))
        inputs["B"] = random.normalTensor({out});
    if (sizes.value("mask", false))
        inputs["mask"] = random.uniformTensor(joined({batch, taps}, outSize), 0, 1);
    return inputs;
}

Tensors onnxAttention(Random& random, const json& sizes) {
    const int64_t batch = sizes.at("batch"), heads = sizes.at("q_heads"), kvHeads = sizes.at("kv_heads");
    const int64_t queries = sizes.at("queries"), keys = sizes.at("keys"), d = sizes.at("d"), e = sizes.value("v_d", d);
    const int64_t past = sizes.value("past", 0);
    const auto tokens = [&](int64_t h, int64_t n, int64_t features) {
        return random.normalTensor(sizes.value("rank", 4) == 3 ? Shape{batch, n, h * features}
                                                               : Shape{batch, h, n, features});
    };
    Tensors inputs{{"Q", tokens(heads, queries, d)}, {"K", tokens(kvHeads, keys, d)}, {"V", tokens(kvHeads, keys, e)}};
    if (past > 0) {
        inputs["past_key"] = random.normalTensor({batch, kvHeads, past, d});
        inputs["past_value"] = random.normalTensor({batch, kvHeads, past, e});
    }
    const std::string mask = sizes.value("mask", "none");
    const Shape maskShape = sizes.value("mask_shape", Shape{queries, past + keys});
    if (mask == "bool" || mask == "empty")
        inputs["attn_mask"] = random.maskTensor(maskShape);
    else if (mask == "float")
        inputs["attn_mask"] = random.normalTensor(maskShape);
    if (mask == "empty")
        std::fill_n(inputs["attn_mask"].data.begin(), maskShape.back(), 0.0);
    if (sizes.value("nonpad", false)) {
        Tensor& lengths = inputs["nonpad_kv_seqlen"] = Tensor({batch});
        for (double& length : lengths.data)
            length = static_cast<double>(1 + random.index(keys));
    }
    return inputs;
}

} // namespace

Tensors randomInputs(const std::string& module, const json& config, const json& sizes, uint64_t seed) {
    // Other numbers than the weights of the same seed get.
    Random random(seed ^ 0x9e3779b97f4a7c15u);
    if (module == "grid_sample")
        return gridSample(random, config, sizes, "x", "grid");
    if (module == "onnx.GridSample")
        return gridSample(random, config, sizes, "X", "Grid");
    if (module.rfind("DeformableAttention", 0) == 0) {
        Tensor x = random.normalTensor(joined({sizes.at("batch"), config.at("dim")}, sizes.at("size")));
        for (double& value : x.data)
            value *= sizes.value("factor", 1.0);
        return {{"x", x}};
    }
    if (module.rfind("LocalAttention", 0) == 0)
        return {{"x", random.normalTensor(joined({sizes.at("batch"), config.at("dim")}, sizes.at("size")))}};
    if (module == "DynamicSparseAttention") {
        const int64_t batch = sizes.at("batch"), dim = config.at("dim");
        return {{"x", random.normalTensor(sizes.contains("size") ? joined({batch, dim}, sizes.at("size"))
                                                                 : Shape{batch, sizes.at("n"), dim})}};
    }
    if (module == "TutorialDeformableAttention")
        return {{"x", random.normalTensor(joined({sizes.at("batch"), config.at("in_channels")}, sizes.at("size")))}};
    if (module == "MSDeformAttn")
        return msDeform(random, config, sizes);
    if (module == "PhenakiAttention" || module == "PhenakiTransformer")
        return phenaki(random, config, sizes, module == "PhenakiTransformer");
    if (module == "PEG" && sizes.contains("n"))
        return {{"x", random.normalTensor({sizes.at("batch"), sizes.at("n"), config.at("dim")})}};
    if (module == "PEG")
        return {{"x", random.normalTensor(joined(joined({sizes.at("batch")}, sizes.at("size")), {config.at("dim")}))}};
    if (module == "PhenakiFeedForward")
        return {{"x", random.normalTensor({sizes.at("batch"), sizes.at("n"), config.at("dim")})}};
    if (module == "PhenakiLayerNorm" || module == "GEGLU" || module == "l2norm" || module == "Scale")
        return {{"x", random.normalTensor(sizes.at("shape"))}};
    if (module == "CPB")
        return {{"grid_q", random.uniformTensor(sizes.at("queries"), -1, 1)},
                {"grid_kv", random.uniformTensor(sizes.at("keys"), -1, 1)}};
    if (module == "AlibiPositionalBias" || module == "ContinuousPositionBias")
        return {};
    if (module == "DalleAttention" || module.rfind("Sparse", 0) == 0)
        return dalle(random, module, config, sizes);
    if (module == "onnx.RotaryEmbedding")
        return onnxRotaryEmbedding(random, config, sizes);
    if (module == "onnx.DeformConv")
        return onnxDeformConv(random, config, sizes);
    if (module == "onnx.Attention")
        return onnxAttention(random, sizes);
    throw std::invalid_argument("no random inputs for module \"" + module + "\"");
}

double shareInside(const std::string& module, const json& config, const Shape& x, const Tensor& vgrid) {
    const int axes = static_cast<int>(x.size()) - 2;
    const bool xyz = config.value("axis_order", "reference") == "xyz";
    const Shape size(x.begin() + 2, x.end());
    const Shape sampled(vgrid.shape.end() - axes, vgrid.shape.end());
    if (module != "DeformableAttention" + std::to_string(axes) + "D")
        throw std::invalid_argument("shareInside: x has another number of axes than " + module);
    const int64_t points = elementCount(sampled), rows = vgrid.count() / (points * axes);
    const Tensor positions = vgrid.reshaped({rows, axes, points});
    if (config.value("sampling", "sequence") == "listing") { // across one pixel: (p + 1) / 2 - 1/2 is within a pixel
        int64_t inside = 0;
        for (double p : positions.data)
            inside += std::fabs(2 * p / static_cast<double>(std::max<int64_t>(points - 1, 1)) - 1) < 2;
        return static_cast<double>(inside) / static_cast<double>(positions.count());
    }
    int64_t inside = 0;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t p = 0; p < points; ++p) {
            bool within = true;
            for (int c = 0; c < axes; ++c) {
                // Which size divides channel c, and along which axis of x it is then read.
                const int divisor = axes == 2 && xyz ? 1 - c : c;
                const int read = axes == 2 || (axes == 3 && !xyz) ? axes - 1 - c : c;
                const auto steps = std::max<int64_t>(sampled[static_cast<std::size_t>(divisor)] - 1, 1);
                const auto pixels = static_cast<double>(size[static_cast<std::size_t>(read)]);
                const double pixel = positions(r, c, p) / static_cast<double>(steps) * pixels - 0.5;
                within = within && pixel > -1 && pixel < pixels;
            }
            inside += within;
        }
    return static_cast<double>(inside) / static_cast<double>(rows * points);
}

} // namespace saccade::reference
