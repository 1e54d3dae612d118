// SPDX-License-Identifier: Apache-2.0
// A random node for each operator: which inputs it takes, and which configurations.
#include "reference/network_builder.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "reference/random_case.hpp"

namespace saccade::reference {
namespace {

using nlohmann::json;
using Draw = std::string (*)(NetworkBuilder& b, const std::string& op, const std::string& x);

/// From `low` to `high`, both included.
int64_t from(NetworkBuilder& b, int64_t low, int64_t high) { return low + b.random.index(high - low + 1); }

template <class Value>
Value oneOf(NetworkBuilder& b, const std::vector<Value>& values) {
    return values.at(static_cast<std::size_t>(b.random.index(static_cast<int64_t>(values.size()))));
}

int rankOf(const NetworkBuilder& b, const std::string& x) { return static_cast<int>(b.shape(x).size()); }

/// A dimension of a tensor, counted from either end.
int64_t anyDim(NetworkBuilder& b, int64_t rank) { return from(b, -rank, rank - 1); }

/// The numbers of dimensions in random order, counted from either end.
Shape shuffledDims(NetworkBuilder& b, int64_t rank) {
    Shape dims(static_cast<std::size_t>(rank));
    std::iota(dims.begin(), dims.end(), int64_t{0});
    for (std::size_t i = dims.size(); i > 1; --i)
        std::swap(dims[i - 1], dims[static_cast<std::size_t>(b.random.index(static_cast<int64_t>(i)))]);
    for (int64_t& dim : dims)
        dim -= b.flip() ? rank : 0;
    return dims;
}

/// For two axes or three: one number, or one for each.
json perAxis(NetworkBuilder& b, int axes, int64_t low, int64_t high) {
    if (b.flip())
        return from(b, low, high);
    Shape list;
    for (int axis = 0; axis < axes; ++axis)
        list.push_back(from(b, low, high));
    return list;
}

/// A value of that shape, or a new one.
std::string likeShape(NetworkBuilder& b, const Shape& shape) {
    const auto known = b.valuesOf(shape);
    if (!known.empty() && b.random.index(3) != 0)
        return oneOf(b, known);
    if (b.flip())
        return b.input(shape);
    const std::string constant =
        b.add("constant", json::array(), json::object(), {{"value", b.random.normalTensor(shape)}});
    return constant.empty() ? b.input(shape) : constant;
}

/// A value whose shape broadcasts with `shape`, of numbers that can be divided by.
std::string broadcasting(NetworkBuilder& b, Shape shape, double low, double high) {
    for (int64_t& size : shape)
        size = b.random.index(3) == 0 ? 1 : size;
    shape.erase(shape.begin(), shape.begin() + b.random.index(static_cast<int64_t>(shape.size())));
    if (b.flip())
        return b.input(shape, low, high);
    const std::string constant =
        b.add("constant", json::array(), json::object(), {{"value", b.random.uniformTensor(shape, low, high)}});
    return constant.empty() ? b.input(shape, low, high) : constant;
}

/// Rows of about unit length, as PyTorch's layers begin with.
Tensor layerWeight(NetworkBuilder& b, const Shape& shape, int64_t summands) {
    const double bound = 1.7 / std::sqrt(static_cast<double>(summands));
    return b.random.uniformTensor(shape, -bound, bound);
}

Tensors withBias(NetworkBuilder& b, Tensor weight, int64_t out) {
    Tensors weights{{"weight", std::move(weight)}};
    if (b.random.index(3) != 0)
        weights["bias"] = b.random.uniformTensor({out}, -1, 1);
    return weights;
}

// ---- Views

std::string drawReshape(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const Shape shape = b.shape(x);
    const auto dim = static_cast<std::size_t>(b.random.index(static_cast<int64_t>(shape.size())));
    json sizes = shape;
    if (dim + 1 < shape.size() && b.random.index(3) != 0) { // two dimensions become one
        const std::string at = "size(" + x + ", ";
        sizes[dim] = b.flip() ? json(at + std::to_string(dim) + ") * " + at + std::to_string(dim + 1) + ")")
                              : json(shape[dim] * shape[dim + 1]);
        sizes.erase(dim + 1);
    } else { // one becomes two
        const int64_t part = shape[dim] % 2 == 0 ? 2 : shape[dim] % 3 == 0 ? 3 : 1;
        sizes[dim] = shape[dim] / part;
        sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(dim), part);
    }
    if (b.random.index(3) == 0)
        sizes[static_cast<std::size_t>(b.random.index(static_cast<int64_t>(sizes.size())))] = -1;
    return b.add(op, {x}, {{"shape", sizes}});
}

std::string drawPermute(NetworkBuilder& b, const std::string& op, const std::string& x) {
    return b.add(op, {x}, {{"dims", shuffledDims(b, rankOf(b, x))}});
}

std::string drawSlice(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const int64_t dim = anyDim(b, rankOf(b, x)), size = b.value(x).size(static_cast<int>(dim));
    json config{{"dim", dim}};
    if (b.flip())
        config["start"] = from(b, -size, size - 1);
    if (b.flip())
        config["stop"] = from(b, -size, size + 2);
    if (b.random.index(3) == 0)
        config["step"] = from(b, 1, 3);
    return b.add(op, {x}, config);
}

std::string drawExpand(NetworkBuilder& b, const std::string& op, const std::string& x) {
    Shape shape = b.shape(x);
    for (int64_t& size : shape)
        size = size == 1 ? from(b, 1, 4) : b.random.index(4) == 0 ? -1 : size;
    if (shape.size() < 6 && b.flip())
        shape.insert(shape.begin(), from(b, 1, 3));
    return b.add(op, {x}, {{"shape", shape}});
}

std::string drawConcat(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const int64_t dim = anyDim(b, rankOf(b, x));
    const auto axis = static_cast<std::size_t>(dim < 0 ? dim + rankOf(b, x) : dim);
    json parts = json::array();
    for (int64_t count = from(b, 1, 4), self = b.random.index(count), i = 0; i < count; ++i) {
        Shape shape = b.shape(x);
        if (b.flip())
            shape[axis] = from(b, 1, 5);
        parts.push_back(i == self ? x : likeShape(b, shape));
    }
    return b.add(op, parts, {{"dim", dim}});
}

std::string drawPad(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const std::string mode = oneOf<std::string>(b, {"constant", "constant", "replicate", "reflect", "circular"});
    // PyTorch pads at most the spatial dimensions in other modes.
    const int64_t most = mode == "constant" ? rankOf(b, x) : std::min(rankOf(b, x) - 2, 3);
    if (most < 1)
        return "";
    json config{{"padding", json::array()}};
    for (int64_t i = 2 * from(b, 1, most); i > 0; --i)
        config["padding"].push_back(from(b, 0, 3));
    if (mode != "constant" || b.flip())
        config["mode"] = mode;
    if (mode == "constant" && b.flip())
        config["value"] = b.random.uniform(-1, 1);
    return b.add(op, {x}, config);
}

std::string drawRoll(NetworkBuilder& b, const std::string& op, const std::string& x) {
    Shape dims = shuffledDims(b, rankOf(b, x)), shifts;
    dims.resize(static_cast<std::size_t>(from(b, 1, rankOf(b, x))));
    for (std::size_t i = 0; i < dims.size(); ++i)
        shifts.push_back(from(b, -7, 7));
    if (dims.size() == 1 && b.flip())
        return b.add(op, {x}, {{"shifts", shifts[0]}, {"dims", dims[0]}});
    return b.add(op, {x}, {{"shifts", shifts}, {"dims", dims}});
}

/// For both directions: a factor that divides what it has to.
std::string drawShuffle(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) != 4)
        return "";
    const char* const key = op == "pixel_shuffle" ? "upscale_factor" : "downscale_factor";
    for (const int64_t factor : {3, 2}) // others are refused
        if (const std::string y = b.add(op, {x}, {{key, factor}}); !y.empty())
            return y;
    return b.add(op, {x}, {{key, 1}});
}

std::string drawConstant(NetworkBuilder& b, const std::string& op, const std::string& x) {
    return b.add(op, json::array(), json::object(), {{"value", b.random.normalTensor(b.shape(x))}});
}

std::string drawIdentity(NetworkBuilder& b, const std::string& op, const std::string& x) { return b.add(op, {x}); }

// ---- Elementwise operators

std::string drawBinary(NetworkBuilder& b, const std::string& op, const std::string& x) {
    json other;
    if (b.random.index(4) == 0)
        other = op == "pow" ? oneOf<double>(b, {2, 3, 0.5, -1, 1.7}) : b.random.uniform(0.5, 2);
    else if (op != "div" && op != "pow" && b.flip())
        other = likeShape(b, b.shape(x));
    else
        other = broadcasting(b, b.shape(x), 0.5, 2);
    if (b.random.index(3) == 0)
        return b.add(op, {other, x});
    return b.add(op, {x, other});
}

std::string drawLerp(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const std::string end = likeShape(b, b.shape(x));
    if (b.random.index(3) == 0)
        return b.add(op, {x, end, b.random.uniform(0, 1)});
    return b.add(op, {x, end, broadcasting(b, b.shape(x), 0, 1)});
}

std::string drawActivation(NetworkBuilder& b, const std::string& op, const std::string& x) {
    json config = json::object();
    if (op == "gelu" && b.flip())
        config["approximate"] = b.flip() ? "tanh" : "none";
    if (op == "leaky_relu" && b.flip())
        config["negative_slope"] = b.random.uniform(0, 1);
    if (op == "elu" && b.flip())
        config["alpha"] = b.random.uniform(0.2, 2);
    if (op == "clamp") {
        if (b.random.index(3) != 0)
            config["min"] = b.random.uniform(-1, 0);
        if (config.empty() || b.flip())
            config["max"] = b.random.uniform(0, 1);
    }
    return b.add(op, {x}, config);
}

/// Of functions that negative numbers are not in the domain of, or not far from where they grow without bound.
std::string drawOfPositive(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const std::string size = b.add("abs", {x});
    const std::string positive = size.empty() ? "" : b.add("add", {size, b.random.uniform(0.2, 1)});
    return positive.empty() ? "" : b.add(op, {positive});
}

// ---- Reductions and norms

std::string drawReduction(NetworkBuilder& b, const std::string& op, const std::string& x) {
    Shape dims = shuffledDims(b, rankOf(b, x));
    const bool keepdim = b.flip();
    dims.resize(static_cast<std::size_t>(from(b, 1, keepdim ? rankOf(b, x) : std::max(rankOf(b, x) - 1, 1))));
    json config{{"dims", dims}};
    if (keepdim || b.flip())
        config["keepdim"] = keepdim;
    return b.add(op, {x}, config);
}

std::string drawSoftmax(NetworkBuilder& b, const std::string& op, const std::string& x) {
    return b.add(op, {x}, {{"dim", anyDim(b, rankOf(b, x))}});
}

std::string drawNormalize(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) > 1 && b.random.index(3) == 0)
        return b.add(op, {x}); // along dimension 1
    return b.add(op, {x}, {{"dim", anyDim(b, rankOf(b, x))}, {"eps", 1e-6}});
}

std::string drawNorm(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const int64_t dims = from(b, 1, std::min(rankOf(b, x), 3));
    json config = json::object();
    if (dims > 1 || b.flip())
        config["dims"] = dims;
    if (b.flip())
        config["eps"] = 1e-3;
    Tensors weights;
    const Shape last(b.shape(x).end() - dims, b.shape(x).end());
    if (b.random.index(4) != 0)
        weights["weight"] = b.random.uniformTensor(last, 0.5, 1.5);
    if (!weights.empty() && b.random.index(4) != 0)
        weights["bias"] = b.random.uniformTensor(last, -1, 1);
    return b.add(op, {x}, config, weights);
}

std::string drawGroupNorm(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) < 3)
        return "";
    const int64_t channels = b.shape(x)[1];
    int64_t groups = from(b, 1, channels);
    while (channels % groups != 0)
        --groups;
    Tensors weights;
    if (b.random.index(4) != 0)
        weights = {{"weight", b.random.uniformTensor({channels}, 0.5, 1.5)},
                   {"bias", b.random.uniformTensor({channels}, -1, 1)}};
    json config{{"num_groups", groups}};
    if (b.flip())
        config["eps"] = 1e-6;
    return b.add(op, {x}, config, weights);
}

// ---- Layers

std::string drawMatmul(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) < 2)
        return "";
    Shape shape = b.shape(x);
    const int64_t columns = from(b, 1, 9);
    if (b.flip()) { // x at the right
        shape.back() = shape[shape.size() - 2];
        shape[shape.size() - 2] = columns;
    } else {
        shape[shape.size() - 2] = shape.back();
        shape.back() = columns;
    }
    for (std::size_t i = 0; i + 2 < shape.size(); ++i)
        shape[i] = b.random.index(3) == 0 ? 1 : shape[i];
    shape.erase(shape.begin(), shape.begin() + b.random.index(static_cast<int64_t>(shape.size()) - 1));
    const std::string other = likeShape(b, shape);
    const bool right = shape.back() == b.shape(x)[b.shape(x).size() - 2];
    return right ? b.add(op, {other, x}) : b.add(op, {x, other});
}

std::string drawLinear(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const int64_t in = b.shape(x).back(), out = from(b, 1, 12);
    for (const auto& [node, weights] : b.weightsOf(op)) // shared, where they fit
        if (weights.at("weight").size(1) == in && b.flip())
            return b.add(op, {x}, json::object(), weights, node);
    return b.add(op, {x}, json::object(), withBias(b, layerWeight(b, {out, in}, in), out));
}

/// Of as many axes as the name says.
std::string drawConv(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const int axes = op[4] - '0';
    if (rankOf(b, x) != axes + 2)
        return "";
    const int64_t in = b.shape(x)[1];
    int64_t groups = b.random.index(3) == 0 ? from(b, 1, in) : b.random.index(3) == 0 ? in : 1;
    while (in % groups != 0)
        --groups;
    const int64_t out = groups * from(b, 1, groups == in ? 2 : std::max<int64_t>(9 / groups, 1));
    Shape kernel;
    for (int axis = 0; axis < axes; ++axis)
        kernel.push_back(oneOf<int64_t>(b, axes == 3 ? Shape{1, 2, 3} : Shape{1, 2, 3, 3, 3, 4, 5, 7}));
    json config = json::object();
    if (b.random.index(3) == 0)
        config["stride"] = perAxis(b, axes, 1, 3);
    if (b.random.index(4) != 0)
        config["padding"] = b.flip() ? json(kernel[0] / 2) : perAxis(b, axes, 0, 3);
    if (b.random.index(4) == 0)
        config["dilation"] = perAxis(b, axes, 1, 3);
    if (groups > 1 || b.random.index(4) == 0)
        config["groups"] = groups;
    if (b.random.index(3) == 0)
        config["padding_mode"] = oneOf<std::string>(b, {"zeros", "replicate", "reflect"});
    Shape shape{out, in / groups};
    shape.insert(shape.end(), kernel.begin(), kernel.end());
    const int64_t summands =
        in / groups * std::accumulate(kernel.begin(), kernel.end(), int64_t{1}, std::multiplies<>());
    return b.add(op, {x}, config, withBias(b, layerWeight(b, shape, summands), out));
}

std::string drawConvTranspose(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) != 4)
        return "";
    const int64_t in = b.shape(x)[1], groups = in % 2 == 0 && b.flip() ? 2 : 1, out = from(b, 1, 4);
    const int64_t kernel = from(b, 1, 4), stride = from(b, 1, 3);
    json config{{"stride", stride}};
    if (b.flip())
        config["padding"] = perAxis(b, 2, 0, kernel / 2);
    if (stride > 1 && b.flip())
        config["output_padding"] = perAxis(b, 2, 0, stride - 1);
    if (b.random.index(4) == 0)
        config["dilation"] = perAxis(b, 2, 1, 2);
    if (groups > 1)
        config["groups"] = groups;
    const Shape shape{in, out, kernel, from(b, 1, 4)};
    return b.add(op, {x}, config,
                 withBias(b, layerWeight(b, shape, in / groups * std::max<int64_t>(kernel / stride, 1)), out * groups));
}

std::string drawAttention(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) < 2 || rankOf(b, x) > 5)
        return "";
    Shape keys = b.shape(x), scores = b.shape(x);
    const bool self = b.random.index(3) == 0;
    if (!self)
        keys[keys.size() - 2] = from(b, 1, 13);
    Shape values = keys;
    if (b.flip())
        values.back() = from(b, 1, 9);
    scores.back() = keys[keys.size() - 2];
    json inputs{x, self ? x : likeShape(b, keys), likeShape(b, values)};
    if (b.flip())
        inputs.push_back(broadcasting(b, scores, -1, 1));
    json config = json::object();
    if (b.random.index(3) == 0)
        config["scale"] = b.random.uniform(0.1, 1);
    if (b.random.index(3) == 0)
        config["is_causal"] = b.flip();
    return b.add(op, inputs, config);
}

// ---- Sampling

std::string drawPool(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) != 4)
        return "";
    const int64_t kernel = from(b, 1, 4);
    json config{{"kernel_size", b.flip() ? json(kernel) : json{kernel, from(b, kernel, 4)}}};
    if (b.flip())
        config["stride"] = perAxis(b, 2, 1, 3);
    if (b.flip())
        config["padding"] = perAxis(b, 2, 0, kernel / 2);
    if (op == "avg_pool2d" && b.flip())
        config["count_include_pad"] = b.flip();
    return b.add(op, {x}, config);
}

std::string drawInterpolate(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) != 4)
        return "";
    json config = json::object();
    if (b.flip())
        config["size"] = perAxis(b, 2, 1, 17);
    else
        config["scale_factor"] = oneOf<json>(b, {2, 3, 0.5, 1.5, json{2, 1}, json{0.5, 2}});
    if (b.random.index(3) != 0) {
        config["mode"] = "bilinear";
        if (b.flip())
            config["align_corners"] = b.flip();
    } else if (b.flip()) {
        config["mode"] = "nearest";
    }
    return b.add(op, {x}, config);
}

std::string drawWarp(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) != 4)
        return "";
    const Shape& shape = b.shape(x);
    const std::string motion = b.input({shape[0], 2, shape[2], shape[3]}, -3, 3);
    json config = json::object();
    if (b.random.index(3) == 0)
        config["scale"] = b.flip() ? json{-1, -1} : json{0.5, -1.5};
    if (b.flip())
        config["mode"] = b.flip() ? "nearest" : "bilinear";
    if (b.flip())
        config["padding_mode"] = b.flip() ? "zeros" : "border";
    return b.add(op, {x, motion}, config);
}

std::string drawApplyKernels(NetworkBuilder& b, const std::string& op, const std::string& x) {
    if (rankOf(b, x) != 4)
        return "";
    const Shape& shape = b.shape(x);
    const int64_t size = oneOf<int64_t>(b, {1, 3, 3, 5});
    json config{{"size", size}};
    const std::string normalize = oneOf<std::string>(b, {"none", "softmax", "softmax", "sum"});
    if (normalize != "none" || b.flip())
        config["normalize"] = normalize;
    if (b.flip())
        config["padding_mode"] = b.flip() ? "zeros" : "replicate";
    const std::string kernels = b.input({shape[0], size * size, shape[2], shape[3]}, normalize == "sum" ? 0.1 : -1, 1);
    return b.add(op, {x, kernels}, config);
}

// ---- Modules that attend in a map or gate tokens

std::string drawModule(NetworkBuilder& b, const std::string& op, const std::string& x) {
    const Shape& shape = b.shape(x);
    json config = json::object();
    if (op == "LocalAttention2D" && shape.size() == 4) {
        config = {
            {"dim", shape[1]}, {"heads", from(b, 1, 3)}, {"dim_head", from(b, 3, 9)}, {"window", b.flip() ? 3 : 5}};
    } else if (op == "DeformableAttention2D" && shape.size() == 4) {
        config = {{"dim", shape[1]},        {"heads", shape[1] % 2 == 0 ? 2 : 1},
                  {"dim_head", 6},          {"offset_groups", 1},
                  {"downsample_factor", 2}, {"offset_kernel_size", 4}};
    } else if (op == "ShiftedWindowAttention" && shape.size() == 4) {
        const int64_t dim = shape[3], heads = dim % 2 == 0 ? 2 : 1;
        config = {{"dim", dim},
                  {"window_size", {4, 3}},
                  {"shift_size", {from(b, 0, 3), from(b, 0, 2)}},
                  {"num_heads", heads}};
        return b.add(op, {x}, config,
                     {{"qkv.weight", layerWeight(b, {3 * dim, dim}, dim)},
                      {"qkv.bias", b.random.uniformTensor({3 * dim}, -1, 1)},
                      {"proj.weight", layerWeight(b, {dim, dim}, dim)},
                      {"proj.bias", b.random.uniformTensor({dim}, -1, 1)},
                      {"relative_position_bias_table", b.random.uniformTensor({7 * 5, heads}, -2, 2)}});
    } else if (!(op == "GEGLU" && shape.size() >= 2 && shape.back() % 2 == 0)) {
        return "";
    }
    return b.add(op, {x}, config, randomWeights(op, config, static_cast<uint64_t>(b.random.index(1000000))));
}

const std::map<std::string, Draw>& draws() {
    static const std::map<std::string, Draw> all = [] {
        std::map<std::string, Draw> map = {{"reshape", drawReshape},
                                           {"permute", drawPermute},
                                           {"slice", drawSlice},
                                           {"expand", drawExpand},
                                           {"concat", drawConcat},
                                           {"pad", drawPad},
                                           {"roll", drawRoll},
                                           {"pixel_shuffle", drawShuffle},
                                           {"pixel_unshuffle", drawShuffle},
                                           {"constant", drawConstant},
                                           {"identity", drawIdentity},
                                           {"dropout", drawIdentity},
                                           {"lerp", drawLerp},
                                           {"softmax", drawSoftmax},
                                           {"normalize", drawNormalize},
                                           {"layer_norm", drawNorm},
                                           {"rms_norm", drawNorm},
                                           {"group_norm", drawGroupNorm},
                                           {"matmul", drawMatmul},
                                           {"linear", drawLinear},
                                           {"conv_transpose2d", drawConvTranspose},
                                           {"scaled_dot_product_attention", drawAttention},
                                           {"max_pool2d", drawPool},
                                           {"avg_pool2d", drawPool},
                                           {"interpolate", drawInterpolate},
                                           {"warp", drawWarp},
                                           {"apply_kernels", drawApplyKernels}};
        for (const char* op : {"add", "sub", "mul", "div", "maximum", "minimum", "pow"})
            map[op] = drawBinary;
        for (const char* op : {"relu", "gelu", "silu", "sigmoid", "tanh", "leaky_relu", "elu", "softplus", "hardswish",
                               "hardsigmoid", "mish", "exp", "expm1", "square", "abs", "neg", "sin", "cos", "clamp"})
            map[op] = drawActivation;
        for (const char* op : {"log", "log1p", "sqrt", "rsqrt", "reciprocal"})
            map[op] = drawOfPositive;
        for (const char* op : {"mean", "sum", "amax"})
            map[op] = drawReduction;
        for (const char* op : {"conv1d", "conv2d", "conv3d"})
            map[op] = drawConv;
        return map;
    }();
    return all;
}

} // namespace

const std::vector<std::string>& networkOperators() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        for (const auto& [name, draw] : draws())
            list.push_back(name);
        return list;
    }();
    return names;
}

std::string drawNode(NetworkBuilder& builder, const std::string& op, const std::string& x) {
    const auto found = draws().find(op);
    return found == draws().end() ? drawModule(builder, op, x) : found->second(builder, op, x);
}

std::string drawInputFor(NetworkBuilder& b, const std::string& op) {
    static const std::map<std::string, int64_t> ranks = {
        {"conv1d", 3},        {"conv3d", 5},        {"conv2d", 4},         {"conv_transpose2d", 4},
        {"pixel_shuffle", 4}, {"max_pool2d", 4},    {"avg_pool2d", 4},     {"interpolate", 4},
        {"warp", 4},          {"apply_kernels", 4}, {"pixel_unshuffle", 4}};
    const auto fixed = ranks.find(op);
    Shape shape;
    for (int64_t rank = fixed != ranks.end() ? fixed->second : from(b, 1, 5); rank > 0; --rank)
        shape.push_back(from(b, 1, 9));
    if (op == "pixel_shuffle")
        shape[1] = from(b, 1, 3) * oneOf<int64_t>(b, {4, 9});
    if (op == "pixel_unshuffle")
        shape[2] = shape[3] = 6;
    return b.input(shape);
}

} // namespace saccade::reference
