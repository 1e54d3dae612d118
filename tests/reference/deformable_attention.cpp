// SPDX-License-Identifier: Apache-2.0
#include "reference/deformable_attention.hpp"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "reference/grid_sample.hpp"
#include "reference/layers.hpp"

namespace saccade::reference {
namespace {

/// A number stands for the same number on each axis.
std::vector<double> perAxis(const nlohmann::json& value, int axes) {
    return value.is_array() ? value.get<std::vector<double>>()
                            : std::vector<double>(static_cast<std::size_t>(axes), value.get<double>());
}

/// Everything the steps below share.
struct Module {
    int axes;
    nlohmann::json config;
    const Tensors& weights;
    int64_t heads, groups;
    bool xyz; ///< axis_order "xyz"

    Module(int axes, const nlohmann::json& config, const Tensors& weights)
        : axes(axes), config(config), weights(weights), heads(config.value("heads", 8)),
          groups(config.contains("offset_groups") && !config["offset_groups"].is_null()
                     ? config["offset_groups"].get<int64_t>()
                     : heads),
          xyz(config.value("axis_order", "reference") == "xyz") {}

    /// The spatial axis that position channel `channel` counts along: 2D positions are (x, y), the others as stored.
    int axisOf(int channel) const { return axes == 2 ? 1 - channel : channel; }

    /// The axis whose size normalises that channel. The package takes them in stored order, which in 2D is the other
    /// one.
    int divisorAxisOf(int channel) const { return xyz ? axisOf(channel) : channel; }

    double normalise(double position, int channel, const Shape& size) const {
        const int64_t steps = size[static_cast<std::size_t>(divisorAxisOf(channel))] - 1;
        return 2 * position / static_cast<double>(std::max<int64_t>(steps, 1)) - 1;
    }

    /// Index along spatial axis `axis` of the element with this flat index.
    static int64_t coordinate(int64_t flat, int axis, const Shape& size) {
        for (std::size_t a = size.size() - 1; a > static_cast<std::size_t>(axis); --a)
            flat /= size[a];
        return flat % size[static_cast<std::size_t>(axis)];
    }
};

/// Step 2: q (b, inner, *S) -> offsets in downsampled pixels (b * groups, axes, *S').
Tensor offsets(const Module& m, const Tensor& q) {
    const int64_t batch = q.size(0), channels = q.size(1) / m.groups;
    Shape grouped = q.shape;
    grouped[0] = batch * m.groups;
    grouped[1] = channels;

    const auto factor = perAxis(m.config.value("downsample_factor", nlohmann::json(4)), m.axes);
    const auto kernel = perAxis(m.config.value("offset_kernel_size", nlohmann::json(6)), m.axes);
    std::vector<double> scale = factor;
    if (const Tensor* stored = find(m.weights, "to_offsets.4.scale"))
        scale = stored->data;
    else if (m.config.contains("offset_scale") && !m.config["offset_scale"].is_null())
        scale = perAxis(m.config["offset_scale"], m.axes);

    ConvOptions depthwise;
    depthwise.groups = channels;
    for (std::size_t a = 0; a < factor.size(); ++a) {
        depthwise.stride.push_back(static_cast<int64_t>(factor[a]));
        depthwise.before.push_back(static_cast<int64_t>(kernel[a] - factor[a]) / 2);
    }
    depthwise.after = depthwise.before;
    Tensor hidden = conv(q.reshaped(grouped), get(m.weights, "to_offsets.0.weight"),
                         find(m.weights, "to_offsets.0.bias"), depthwise);
    for (double& value : hidden.data)
        value = gelu(value);
    Tensor result = conv(hidden, get(m.weights, "to_offsets.2.weight"), nullptr);
    const int64_t points = result.count() / (result.size(0) * m.axes);
    for (int64_t i = 0; i < result.count(); ++i) {
        double& value = result.data[static_cast<std::size_t>(i)];
        value = std::tanh(value) * scale[static_cast<std::size_t>(i / points % m.axes)];
    }
    return result;
}

/// Step 5: x (b, dim, *S) at the normalised positions (b * groups, axes, n') -> (b, dim, *sampled).
Tensor sampleFeatures(const Module& m, const Tensor& x, const Tensor& positions, const Shape& sampled) {
    const int64_t batch = x.size(0), dim = x.size(1), points = positions.size(2);
    Shape grouped = x.shape;
    grouped[0] = batch * m.groups;
    grouped[1] = dim / m.groups;
    Shape result{batch, dim};
    result.insert(result.end(), sampled.begin(), sampled.end());

    // The seed's listing pads the grid on the other side: positions run across an image of width 1 and height n.
    const bool acrossColumn = m.axes == 1 && m.config.value("sampling", "sequence") == "listing";
    const int coordinates = acrossColumn ? 2 : m.axes;
    if (acrossColumn)
        grouped.push_back(1);
    Tensor grid({batch * m.groups, points, coordinates});
    for (int64_t bg = 0; bg < batch * m.groups; ++bg)
        for (int64_t p = 0; p < points; ++p)
            for (int c = 0; c < m.axes; ++c) {
                // 2D positions are (x, y) already; 3D ones are (frame, height, width), which the package hands over
                // unchanged.
                const bool flip = m.axes == 3 && m.xyz;
                grid(bg, p, flip ? m.axes - 1 - c : c) = positions(bg, c, p);
            }
    return gridSample(x.reshaped(grouped), grid, SampleOptions{}).reshaped(result);
}

/// Step 7: the bias MLP at one position difference -> heads / groups values.
std::vector<double> positionBias(const Module& m, const std::vector<double>& difference) {
    Tensor value({m.axes});
    const bool logarithmic = m.axes > 1 || m.config.value("cpb_log_distance", true);
    for (int c = 0; c < m.axes; ++c) {
        const double p = difference[static_cast<std::size_t>(c)];
        value(c) = logarithmic ? std::copysign(std::log(std::fabs(p) + 1), p) : p;
    }
    for (const char* layer : {"rel_pos_bias.mlp.0.0", "rel_pos_bias.mlp.1.0"}) {
        const std::string name = layer;
        value = linear(value, get(m.weights, name + ".weight"), find(m.weights, name + ".bias"));
        for (double& v : value.data)
            v = std::max(v, 0.0);
    }
    return linear(value, get(m.weights, "rel_pos_bias.mlp.2.weight"), find(m.weights, "rel_pos_bias.mlp.2.bias")).data;
}

/// (b * groups, heads / groups, queries, keys): one evaluation of the MLP for every group, query and key.
Tensor positionBiases(const Module& m, const Shape& size, const Tensor& positions) {
    const int64_t rows = positions.size(0), queries = elementCount(size), keys = positions.size(2);
    const int64_t groupHeads = m.heads / m.groups;
    Tensor biases({rows, groupHeads, queries, keys});
    std::vector<double> difference(static_cast<std::size_t>(m.axes));
    for (int64_t bg = 0; bg < rows; ++bg)
        for (int64_t i = 0; i < queries; ++i)
            for (int64_t j = 0; j < keys; ++j) {
                for (int c = 0; c < m.axes; ++c) {
                    const auto index = static_cast<double>(Module::coordinate(i, m.axisOf(c), size));
                    difference[static_cast<std::size_t>(c)] = m.normalise(index, c, size) - positions(bg, c, j);
                }
                const auto bias = positionBias(m, difference);
                for (int64_t h = 0; h < groupHeads; ++h)
                    biases(bg, h, i, j) = bias.at(static_cast<std::size_t>(h));
            }
    return biases;
}

/// (b, heads * d, *S) -> (b, heads, n, d).
Tensor channelsToHeads(const Tensor& x, int64_t heads) {
    const int64_t batch = x.size(0), d = x.size(1) / heads, n = x.count() / (batch * x.size(1));
    const Tensor input = x.reshaped({batch, heads, d, n});
    Tensor y({batch, heads, n, d});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < n; ++i)
                for (int64_t c = 0; c < d; ++c)
                    y(b, h, i, c) = input(b, h, c, i);
    return y;
}

} // namespace

Tensors runDeformableAttention(int axes, const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    const Module m(axes, config, weights);
    const Tensor& x = get(inputs, "x");
    const int64_t batch = x.size(0);
    const Shape size(x.shape.begin() + 2, x.shape.end());

    ConvOptions queryGroups, keyGroups;
    queryGroups.groups = config.value("group_queries", true) ? m.groups : 1;
    keyGroups.groups = config.value("group_key_values", true) ? m.groups : 1;
    const Tensor q = conv(x, get(weights, "to_q.weight"), nullptr, queryGroups);
    const int64_t inner = q.size(1), d = inner / m.heads;

    Tensor vgrid = offsets(m, q);
    const Shape sampled(vgrid.shape.begin() + 2, vgrid.shape.end());
    const int64_t points = elementCount(sampled);
    const Shape vgridShape = vgrid.shape;
    vgrid = vgrid.reshaped({batch * m.groups, axes, points});
    Tensor positions = vgrid;
    for (int64_t bg = 0; bg < batch * m.groups; ++bg)
        for (int c = 0; c < axes; ++c)
            for (int64_t p = 0; p < points; ++p) {
                vgrid(bg, c, p) += static_cast<double>(Module::coordinate(p, m.axisOf(c), sampled));
                positions(bg, c, p) = m.normalise(vgrid(bg, c, p), c, sampled);
            }

    const Tensor features = sampleFeatures(m, x, positions, sampled);
    const Tensor k = conv(features, get(weights, "to_k.weight"), nullptr, keyGroups);
    const Tensor v = conv(features, get(weights, "to_v.weight"), nullptr, keyGroups);

    const Tensor bias = positionBiases(m, size, positions);
    const int64_t groupHeads = m.heads / m.groups;
    const double scale = 1 / std::sqrt(static_cast<double>(d));
    Tensor weightsOfKeys;
    const Tensor attended = attention(
        channelsToHeads(q, m.heads), channelsToHeads(k, m.heads), channelsToHeads(v, m.heads),
        [&](int64_t b, int64_t h, int64_t i, int64_t j, double dot) {
            const int64_t group = h / groupHeads;
            return dot * scale + bias(b * m.groups + group, h % groupHeads, i, j);
        },
        &weightsOfKeys);

    const Tensor tokens = mergeHeads(attended); // (b, n, inner)
    Tensor channels({batch, inner, tokens.size(1)});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t i = 0; i < tokens.size(1); ++i)
            for (int64_t c = 0; c < inner; ++c)
                channels(b, c, i) = tokens(b, i, c);
    Tensor y =
        conv(channels, get(weights, "to_out.weight").reshaped({x.size(1), inner, 1}), find(weights, "to_out.bias"));
    return {{"y", y.reshaped(x.shape)},
            {"attention", weightsOfKeys},
            {"vgrid", vgrid.reshaped(axes == 1 ? Shape{batch * m.groups, points} : vgridShape)}};
}

} // namespace saccade::reference
