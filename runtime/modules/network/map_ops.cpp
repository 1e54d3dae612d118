// SPDX-License-Identifier: Apache-2.0
// Operators over maps (b, c, h, w): pooling, interpolation, warp by motion, filters predicted for each pixel.
#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "kernels/resample.hpp"
#include "kernels/warp.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

std::array<uint32_t, 2> pairOf(Config& config, const char* key) {
    const Config::Integers values = config.integers(key);
    return {static_cast<uint32_t>(values[0]), static_cast<uint32_t>(values[1])};
}

/// (b, c, h, w) as the kernels of maps want it: (b, h, w, c).
StridedView mapView(const Value& map) {
    constexpr std::array<uint32_t, 4> order{0, 2, 3, 1};
    return stridedView(permuted(map, order));
}

Pair gridOf(const Value& map) { return {static_cast<uint32_t>(map.shape[2]), static_cast<uint32_t>(map.shape[3])}; }

/// What all descriptions of maps have.
template <class Desc>
Desc describeMaps(const NodeBuilder& node, const Value& source, const Value& result) {
    Desc desc;
    desc.storage = node.type();
    desc.batch = static_cast<uint32_t>(source.shape[0]);
    desc.channels = static_cast<uint32_t>(source.shape[1]);
    desc.source = mapView(source);
    desc.result = mapView(result);
    return desc;
}

Value mapResult(NodeBuilder& node) { return node.result(0, channelsLastStrides(node.results[0].shape)); }

class Pool final : public Op {
public:
    explicit Pool(const OpSource& source)
        : average_(source.op == "avg_pool2d"), kernel_(pairOf(source.config, "kernel_size")), stride_(kernel_),
          padding_(pairOf(source.config, "padding")) {
        if (source.config.has("stride"))
            stride_ = pairOf(source.config, "stride");
        if (average_)
            countsPadding_ = source.config.boolean("count_include_pad");
        for (const size_t i : {0, 1})
            if (padding_[i] > kernel_[i] / 2)
                throw Error(SAC_ERROR_INVALID_CONFIG, "config \"padding\": %u is more than half of \"kernel_size\", %u",
                            padding_[i], kernel_[i]);
    }

    void infer(Inference& s) const override {
        requireRank(s, 0, 4);
        Shape& out = s.results[0] = s.inputs[0];
        for (const size_t i : {0, 1}) {
            const uint64_t padded = out[2 + i] + 2 * padding_[i];
            if (padded < kernel_[i])
                refuseShape("a size of %llu is smaller than the kernel, %u", wide(padded), kernel_[i]);
            out[2 + i] = (padded - kernel_[i]) / stride_[i] + 1;
        }
    }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0);
        const Value result = mapResult(node);
        auto desc = describeMaps<Pool2dDesc>(node, x, result);
        desc.kind = average_ ? PoolKind::average : PoolKind::max;
        desc.countIncludePad = countsPadding_;
        desc.kernel = kernel_;
        desc.stride = stride_;
        desc.padding = padding_;
        desc.sourceSize = gridOf(x);
        desc.resultSize = gridOf(result);
        node.add(pool2dKernel(desc, node.device()), {x.tensor, result.tensor});
        node.set(0, result);
    }

private:
    bool average_;
    std::array<uint32_t, 2> kernel_, stride_, padding_;
    bool countsPadding_ = true;
};

class Interpolate final : public Op {
public:
    explicit Interpolate(const OpSource& source)
        : bilinear_(source.config.choice("mode") == 1), alignCorners_(source.config.boolean("align_corners")),
          size_(source.config.json("size")), scale_(source.config.json("scale_factor")) {
        if (!size_ == !scale_)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"size\" or \"scale_factor\": one of them is required");
        for (const size_t i : {0, 1})
            if (size_)
                requireSize(sizeItem(i), "config \"size\"");
        for (const size_t i : {0, 1})
            if (scale_ && !(factor(i) > 0 && factor(i) <= 64))
                throw Error(SAC_ERROR_INVALID_CONFIG, "config \"scale_factor\": %s is not one or two numbers to 64",
                            JsonSummary(*scale_).text());
    }

    void infer(Inference& s) const override {
        requireRank(s, 0, 4);
        Shape& out = s.results[0] = s.inputs[0];
        for (const size_t i : {0, 1}) {
            const int64_t n = size_ ? evaluateSize(sizeItem(i), s.sizes, "config \"size\"")
                                    : static_cast<int64_t>(std::floor(static_cast<double>(out[2 + i]) * factor(i)));
            if (n < 1 || n > INT32_MAX)
                refuseShape("a size of %lld", wide(n));
            out[2 + i] = static_cast<uint64_t>(n);
        }
    }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0);
        const Value result = mapResult(node);
        auto desc = describeMaps<Interpolate2dDesc>(node, x, result);
        desc.bilinear = bilinear_;
        desc.alignCorners = alignCorners_;
        if (scale_)
            desc.scaleFactor = {factor(0), factor(1)};
        desc.sourceSize = gridOf(x);
        desc.resultSize = gridOf(result);
        node.add(interpolate2dKernel(desc, node.device()), {x.tensor, result.tensor});
        node.set(0, result);
    }

private:
    /// One size may stand for both.
    const JsonValue& sizeItem(size_t i) const {
        if (!size_->isArray())
            return *size_;
        if (size_->items().size() != 2)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"size\": %s is not one or two sizes",
                        JsonSummary(*size_).text());
        return size_->items()[i];
    }
    double factor(size_t i) const {
        if (!scale_->isArray())
            return scale_->asNumber();
        return scale_->items().size() == 2 ? scale_->items()[i].asNumber() : 0;
    }

    bool bilinear_, alignCorners_;
    const JsonValue *size_, *scale_;
};

void requireSameGrid(const Inference& s, size_t input, uint64_t channels) {
    requireRank(s, 0, 4);
    requireRank(s, input, 4);
    const Shape &x = s.inputs[0], &other = s.inputs[input];
    const Shape wanted{x[0], channels, x[2], x[3]};
    if (other != wanted)
        refuseShape("input %zu has shape %s, it must be %s", input, ShapeText(other).text(), ShapeText(wanted).text());
}

class Warp final : public Op {
public:
    explicit Warp(const OpSource& source)
        : nearest_(source.config.choice("mode") == 1), zeros_(source.config.choice("padding_mode") == 1) {
        const JsonValue* scale = source.config.json("scale");
        if (!scale)
            return;
        if (!scale->isArray() || scale->items().size() != 2 || !scale->items()[0].isNumber() ||
            !scale->items()[1].isNumber())
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"scale\": %s is no list of two numbers",
                        JsonSummary(*scale).text());
        for (const size_t i : {0, 1})
            scale_[i] = static_cast<float>(scale->items()[i].asNumber());
    }

    void infer(Inference& s) const override {
        requireSameGrid(s, 1, 2);
        s.results[0] = s.inputs[0];
    }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0);
        // Of float32 it may stay that: it says where, not what.
        const Value motion = node.raw(1).type == DataType::f32 ? node.raw(1) : node.input(1);
        const Value result = mapResult(node);
        auto desc = describeMaps<WarpDesc>(node, x, result);
        desc.motionType = motion.type;
        desc.nearest = nearest_;
        desc.border = !zeros_;
        desc.scale = scale_;
        desc.rows = static_cast<uint32_t>(x.shape[2]);
        desc.columns = static_cast<uint32_t>(x.shape[3]);
        desc.motion = mapView(motion);
        node.add(warpKernel(desc, node.device()), {x.tensor, motion.tensor, result.tensor});
        node.set(0, result);
    }

private:
    bool nearest_, zeros_;
    std::array<float, 2> scale_{1, 1};
};

class ApplyKernels final : public Op {
public:
    explicit ApplyKernels(const OpSource& source)
        : size_(source.config.uint32("size")),
          normalization_(static_cast<KernelNormalization>(source.config.choice("normalize"))),
          zeros_(source.config.choice("padding_mode") == 1) {
        if (size_ % 2 == 0)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"size\": %u is even", size_);
    }

    void infer(Inference& s) const override {
        requireSameGrid(s, 1, size_ * size_);
        s.results[0] = s.inputs[0];
    }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0), kernels = node.input(1);
        const Value result = mapResult(node);
        auto desc = describeMaps<ApplyKernelsDesc>(node, x, result);
        desc.size = size_;
        desc.normalization = normalization_;
        desc.border = !zeros_;
        desc.rows = static_cast<uint32_t>(x.shape[2]);
        desc.columns = static_cast<uint32_t>(x.shape[3]);
        desc.kernels = mapView(kernels);
        node.add(applyKernelsKernel(desc, node.device()), {x.tensor, kernels.tensor, result.tensor});
        node.set(0, result);
    }

private:
    uint32_t size_;
    KernelNormalization normalization_;
    bool zeros_;
};

constexpr Key pairKey(const char* name, double min, const char* meaning) {
    return Key::integers(name, {2, 2}, min, 256, meaning).orOneNumber();
}
constexpr Key poolSize = pairKey("kernel_size", 1, "rows and columns");
constexpr Key poolStride = pairKey("stride", 1, "pixels from a result to the next; kernel_size").optional();
constexpr Key poolPadding = pairKey("padding", 0, "pixels before and behind the map").orElse(0);
constexpr Key maxPoolKeys[] = {poolSize, poolStride, poolPadding};
constexpr Key avgPoolKeys[] = {poolSize, poolStride, poolPadding,
                               Key::boolean("count_include_pad", "padding counts in the mean").orElse(1)};
constexpr const char* interpolateModes[] = {"nearest", "bilinear"};
constexpr Key interpolateKeys[] = {
    Key::json("size", "an integer or expression, or two").optional(),
    Key::json("scale_factor", "a number or two").optional(),
    Key::choice("mode", interpolateModes, "how pixels between are made").orElse(0),
    Key::boolean("align_corners", "corner pixels keep their place; of bilinear").orElse(0)};
constexpr const char* warpModes[] = {"bilinear", "nearest"};
constexpr const char* warpPadding[] = {"border", "zeros"};
constexpr Key warpKeys[] = {Key::choice("mode", warpModes, "how pixels between are read").orElse(0),
                            Key::choice("padding_mode", warpPadding, "what stands beyond the map").orElse(0),
                            Key::json("scale", "two numbers: of motion along x and y").optional()};
constexpr const char* normalizations[] = {"none", "softmax", "sum"};
constexpr const char* kernelPadding[] = {"replicate", "zeros"};
constexpr Key applyKeys[] = {Key::integer("size", 1, maxAppliedSize, "rows and columns of a filter, odd"),
                             Key::choice("normalize", normalizations, "of the weights of a filter").orElse(0),
                             Key::choice("padding_mode", kernelPadding, "what stands beyond the map").orElse(0)};

constexpr OpType types[] = {
    {"max_pool2d", makeOp<Pool>, maxPoolKeys, 1, 1},
    {"avg_pool2d", makeOp<Pool>, avgPoolKeys, 1, 1},
    {"interpolate", makeOp<Interpolate>, interpolateKeys, 1, 1},
    {"warp", makeOp<Warp>, warpKeys, 2, 2},
    {"apply_kernels", makeOp<ApplyKernels>, applyKeys, 2, 2},
};

} // namespace

std::span<const OpType> mapOps() { return types; }

} // namespace saccade::network
