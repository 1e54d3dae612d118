// SPDX-License-Identifier: Apache-2.0
// Convolutions of maps (b, c, ...) with channels side by side: conv1d, conv2d, conv3d, conv_transpose2d.
#include <algorithm>

#include "base/error.hpp"
#include "kernels/conv.hpp"
#include "kernels/gemm.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

using Axes = std::array<uint32_t, 3>; // depth, height, width; leading ones 1 in fewer dimensions

void pack(std::span<const std::span<const float>> sources, std::span<const uint64_t> p, std::span<float> packed) {
    const auto at = [&](size_t i) { return static_cast<uint32_t>(p[i]); };
    ConvDesc desc;
    desc.channels = at(0);
    desc.outputs = at(1);
    desc.groups = at(2);
    desc.kernel = {at(3), at(4), at(5)};
    desc.transposed = p[6] != 0;
    packConvWeight(desc, sources[0], packed);
}

class Convolution final : public Op {
public:
    explicit Convolution(const OpSource& source)
        : transposed_(source.op == "conv_transpose2d"), dims_(source.op == "conv1d"   ? 1
                                                              : source.op == "conv3d" ? 3
                                                                                      : 2) {
        Config& config = source.config;
        desc_.groups = config.uint32("groups");
        desc_.transposed = transposed_;
        desc_.stride = axes(config, "stride", 1);
        desc_.padding = axes(config, "padding", 0);
        desc_.dilation = axes(config, "dilation", 1);
        if (transposed_) {
            outputPadding_ = axes(config, "output_padding", 0);
            for (size_t i = 0; i < 3; ++i)
                if (outputPadding_[i] && outputPadding_[i] >= std::max(desc_.stride[i], desc_.dilation[i]))
                    throw Error(SAC_ERROR_INVALID_CONFIG,
                                "config \"output_padding\": %u is not less than \"stride\" or \"dilation\"",
                                outputPadding_[i]);
        } else
            desc_.paddingMode = static_cast<PaddingMode>(config.choice("padding_mode"));
        declareWeights(source);
    }

    void infer(Inference& s) const override {
        requireRank(s, 0, dims_ + 2);
        const Shape& x = s.inputs[0];
        if (x[1] != desc_.channels)
            refuseShape("input of shape %s, weight is for %u channels", ShapeText(x).text(), desc_.channels);
        const Axes size = sizeOf(x), out = outSizeOf(size);
        Shape& result = s.results[0] = {x[0], desc_.outputs};
        for (size_t i = 3 - dims_; i < 3; ++i)
            result.push_back(out[i]);
        if (shuffle_ > 1) {
            if (desc_.outputs % (shuffle_ * shuffle_))
                refuseShape("%u channels are not divisible by the square of %u", desc_.outputs, shuffle_);
            result[1] /= shuffle_ * shuffle_;
            result[2] *= shuffle_;
            result[3] *= shuffle_;
        }
        if (residual_)
            broadcastResidual(s);
    }

    void build(NodeBuilder& node) const override {
        Value x = node.input(0);
        if (!mapLayout(x, false))
            x = node.channelsLast(x);
        const Shape shape = ownShape(x.shape);
        const bool later = residual_ && node.raw(1).shape != shape; // it broadcasts: added by itself
        const Value result = later ? node.temporary(shape, channelsLastStrides(shape), node.type())
                                   : node.result(0, channelsLastStrides(shape), [&](const Value& place) {
                                         return mapLayout(place, true).has_value();
                                     });
        const MatrixLayout out = *mapLayout(result, true);
        std::optional<Value> residual;
        if (residual_ && !later) {
            residual = node.input(1);
            const std::optional<MatrixLayout> layout = mapLayout(*residual, true);
            if (!layout || layout->channelMajor != out.channelMajor)
                residual = out.channelMajor ? node.contiguous(*residual) : node.channelsLast(*residual);
        }
        ConvDesc desc = desc_;
        desc.storage = node.type();
        desc.batch = static_cast<uint32_t>(x.shape[0]);
        desc.size = sizeOf(x.shape);
        desc.outSize = outSizeOf(desc.size);
        desc.input = *mapLayout(x, false);
        desc.inputPadded = isPadded(desc, node.graph().tensor(x.tensor));
        desc.out = out;
        if (residual) {
            desc.hasResidual = true;
            desc.residual = *mapLayout(*residual, true);
        }
        desc.activation = activation_;
        desc.pixelShuffle = shuffle_;
        node.add(conv(desc, node.device()), {x.tensor, node.weight(weight_), desc.bias ? node.weight(bias_) : noTensor,
                                             residual ? residual->tensor : noTensor, result.tensor});
        node.set(0, later ? node.sum(result, 1) : result);
    }

    bool writesChannelMajor() const override { return true; }
    bool fuseActivation(const Activation& activation) override {
        return !residual_ && takeActivation(activation_, activation);
    }
    bool fuseResidual() override { return !std::exchange(residual_, true); }
    bool fusePixelShuffle(uint32_t factor) override {
        if (residual_ || shuffle_ > 1 || dims_ != 2 || transposed_)
            return false;
        shuffle_ = factor;
        return true;
    }

private:
    Axes axes(Config& config, const char* key, uint32_t otherwise) const {
        Axes out{otherwise, otherwise, otherwise};
        const Config::Integers values = config.integers(key);
        for (uint32_t i = 0; i < dims_; ++i)
            out[3 - dims_ + i] = static_cast<uint32_t>(values[i]);
        return out;
    }

    void declareWeights(const OpSource& source) {
        const TensorShape* shape = source.weights.shapeOf("weight");
        if (!shape || shape->size() != dims_ + 2)
            throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"weight\" is missing, or has not %u dimensions", dims_ + 2);
        Shape wanted;
        for (const uint64_t n : *shape) {
            if (n < 1 || n > 1 << 20)
                throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"weight\" has a dimension of %llu", wide(n));
            wanted.push_back(n);
        }
        const uint32_t groups = desc_.groups, first = static_cast<uint32_t>(wanted[0]),
                       second = static_cast<uint32_t>(wanted[1]);
        if (first % groups)
            throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"weight\": %u is not divisible by %u groups", first,
                        groups);
        desc_.channels = transposed_ ? first : second * groups;
        desc_.outputs = transposed_ ? second * groups : first;
        for (uint32_t i = 0; i < dims_; ++i)
            desc_.kernel[3 - dims_ + i] = static_cast<uint32_t>(wanted[2 + i]);
        const bool depthwise = groups == desc_.channels;
        for (const uint32_t taps : desc_.kernel)
            if (taps > (depthwise ? 63u : 7u))
                throw Error(SAC_ERROR_UNSUPPORTED, "a kernel of %u taps along an axis, at most %u are possible", taps,
                            depthwise ? 63u : 7u);
        const uint64_t parameters[] = {desc_.channels,  desc_.outputs,   groups,     desc_.kernel[0],
                                       desc_.kernel[1], desc_.kernel[2], transposed_};
        const SourceId id = source.weights.source("weight", wanted);
        weight_ = source.weights.pack(source.op, {&id, 1}, convWeightElements(desc_), pack, parameters,
                                      WeightPrecision::storage);
        desc_.bias = source.weights.has("bias");
        if (desc_.bias)
            bias_ = source.weights.raw("bias", {desc_.outputs});
    }

    Axes sizeOf(const Shape& map) const {
        Axes size{1, 1, 1};
        for (uint32_t i = 0; i < dims_; ++i)
            size[3 - dims_ + i] = static_cast<uint32_t>(map[2 + i]);
        return size;
    }

    Axes outSizeOf(const Axes& size) const {
        Axes out{1, 1, 1};
        for (size_t i = 3 - dims_; i < 3; ++i) {
            const int64_t extent = int64_t{desc_.dilation[i]} * (desc_.kernel[i] - 1);
            const int64_t n = size[i], stride = desc_.stride[i], padding = desc_.padding[i];
            const int64_t count = transposed_ ? (n - 1) * stride - 2 * padding + extent + outputPadding_[i] + 1
                                              : (n + 2 * padding - extent - 1) / stride + 1;
            if (count < 1 || count > INT32_MAX || (!transposed_ && n + 2 * padding < extent + 1))
                refuseShape("a size of %lld is too small for the kernel, or too large", wide(n));
            if (desc_.paddingMode == PaddingMode::reflect && padding >= n)
                refuseShape("padding of %lld reflects beyond a size of %lld", wide(padding), wide(n));
            out[i] = static_cast<uint32_t>(count);
        }
        return out;
    }

    /// Of the result before a residual broadcasts it.
    Shape ownShape(const Shape& x) const {
        const Axes out = outSizeOf(sizeOf(x));
        Shape shape{x[0], desc_.outputs / (shuffle_ * shuffle_)};
        for (size_t i = 3 - dims_; i < 3; ++i)
            shape.push_back(uint64_t{out[i]} * shuffle_);
        return shape;
    }

    /// How the pixels of a map lie: evenly apart with their channels side by side, or in PyTorch's contiguous order if
    /// `channelMajor` serves too.
    static std::optional<MatrixLayout> mapLayout(const Value& map, bool channelMajor) {
        uint64_t pixels = 1;
        for (size_t i = 2; i < map.rank(); ++i)
            pixels *= map.shape[i];
        const std::optional<Value> flat = reshaped(map, {map.shape[0], map.shape[1], pixels});
        if (!flat || (map.shape[0] > 1 && flat->strides[0] == 0))
            return std::nullopt;
        const bool single = map.shape[1] == 1;
        if ((flat->strides[1] == 1 || single) && (flat->strides[2] >= map.shape[1] || pixels == 1))
            return MatrixLayout{false, flat->offset, std::max(flat->strides[2], static_cast<uint32_t>(map.shape[1])),
                                flat->strides[0]};
        if (channelMajor && (flat->strides[2] == 1 || pixels == 1) && flat->strides[1] >= pixels)
            return MatrixLayout{true, flat->offset, flat->strides[1], flat->strides[0]};
        return std::nullopt;
    }

    /// Whether the last pixel too may be read up to a multiple of four channels.
    static bool isPadded(const ConvDesc& desc, const Tensor& input) {
        const MatrixLayout& layout = desc.input;
        const uint64_t pixels = uint64_t{desc.size[0]} * desc.size[1] * desc.size[2];
        const uint64_t last =
            layout.offset + uint64_t{desc.batch - 1} * layout.batchStride + (pixels - 1) * layout.stride;
        return last + roundUp4(desc.channels) <= elementCount(input.shape);
    }

    bool transposed_;
    uint32_t dims_;
    ConvDesc desc_;
    Axes outputPadding_{0, 0, 0};
    WeightId weight_ = 0, bias_ = 0;
    Activation activation_;
    bool residual_ = false;
    uint32_t shuffle_ = 1;
};

constexpr Key axesKey(const char* name, uint32_t dims, double min, double max, const char* meaning) {
    return Key::integers(name, {dims, dims}, min, max, meaning).orOneNumber();
}
constexpr Key strideKey(uint32_t dims) {
    return axesKey("stride", dims, 1, 64, "pixels from a result to the next").orElse(1);
}
constexpr Key paddingKey(uint32_t dims) {
    return axesKey("padding", dims, 0, 256, "pixels before and behind the map").orElse(0);
}
constexpr Key dilationKey(uint32_t dims) {
    return axesKey("dilation", dims, 1, 64, "pixels from a tap to the next").orElse(1);
}
constexpr Key groupsKey = Key::integer("groups", 1, 1 << 16, "of channels, each with results of its own").orElse(1);
constexpr const char* paddingModes[] = {"zeros", "replicate", "reflect"};
template <uint32_t dims>
constexpr Key convKeys[] = {strideKey(dims), paddingKey(dims), dilationKey(dims), groupsKey,
                            Key::choice("padding_mode", paddingModes, "what stands beyond the map").orElse(0)};
constexpr Key transposeKeys[] = {strideKey(2), paddingKey(2), dilationKey(2), groupsKey,
                                 axesKey("output_padding", 2, 0, 63, "more rows and columns of the result").orElse(0)};

constexpr OpType types[] = {
    {"conv1d", makeOp<Convolution>, convKeys<1>, 1, 1},
    {"conv2d", makeOp<Convolution>, convKeys<2>, 1, 1},
    {"conv3d", makeOp<Convolution>, convKeys<3>, 1, 1},
    {"conv_transpose2d", makeOp<Convolution>, transposeKeys, 1, 1},
};

} // namespace

std::span<const OpType> convolutionOps() { return types; }

} // namespace saccade::network
