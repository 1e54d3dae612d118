// SPDX-License-Identifier: Apache-2.0
// layer_norm, rms_norm and group_norm.
#include <algorithm>

#include "base/error.hpp"
#include "kernels/group_norm.hpp"
#include "kernels/rows.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

/// Scale and shift of a file that may have them.
struct Affine {
    Affine(WeightSet& weights, const Shape& shape) {
        if (weights.has("weight"))
            scale = weights.raw("weight", shape);
        if (weights.has("bias"))
            shift = weights.raw("bias", shape);
    }

    std::optional<WeightId> scale, shift;
};

Shape weightShape(const WeightSet& weights) {
    Shape out;
    const TensorShape* shape = weights.shapeOf("weight");
    if (!shape)
        shape = weights.shapeOf("bias");
    if (shape)
        for (const uint64_t n : *shape)
            out.push_back(n);
    return out;
}

/// Over the last dimensions.
class RowNorm final : public Op {
public:
    explicit RowNorm(const OpSource& source)
        : kind_(source.op == "rms_norm" ? NormKind::rms : NormKind::layer), dims_(source.config.uint32("dims")),
          epsilon_(static_cast<float>(source.config.number("eps"))), shape_(weightShape(source.weights)),
          affine_(source.weights, shape_) {}

    void infer(Inference& s) const override {
        const Shape& x = s.results[0] = s.inputs[0];
        if (x.size() < dims_)
            refuseShape("input of shape %s, config \"dims\" is %u", ShapeText(x).text(), dims_);
        const bool fits = shape_.empty() || (shape_.size() == dims_ && std::equal(shape_.begin(), shape_.end(),
                                                                                  x.end() - static_cast<int>(dims_)));
        if (!fits)
            refuseShape("input of shape %s, its last dimensions must be those of weight, %s", ShapeText(x).text(),
                        ShapeText(shape_).text());
    }

    void build(NodeBuilder& node) const override {
        const Shape& shape = node.results[0].shape;
        uint64_t width = 1;
        for (size_t i = shape.size() - dims_; i < shape.size(); ++i)
            width *= shape[i];
        const uint64_t rows = elementCount(shape) / width;
        // Rows evenly apart, or evenly apart within the first dimension.
        const auto flat = [&](const Value& value) -> std::optional<Value> {
            std::optional<Value> view = reshaped(value, {1, rows, width});
            if (!view)
                view = reshaped(value, {shape[0], rows / shape[0], width});
            return view && (view->strides[2] == 1 || width == 1) ? view : std::nullopt;
        };
        const Value x = node.input(0);
        std::optional<Value> source = flat(x);
        if (!source)
            source = flat(node.contiguous(x));
        const Value result = node.result(0, contiguousStrides(shape), [&](const Value& place) {
            const std::optional<Value> view = reshaped(place, source->shape);
            return view && (view->strides[2] == 1 || width == 1);
        });
        const Value target = *reshaped(result, source->shape);
        NormDesc desc;
        desc.storage = node.type();
        desc.kind = kind_;
        desc.batch = static_cast<uint32_t>(source->shape[0]);
        desc.tokens = static_cast<uint32_t>(source->shape[1]);
        desc.width = static_cast<uint32_t>(width);
        desc.source = {source->offset, source->strides[0], 0, source->strides[1]};
        desc.result = {target.offset, target.strides[0], 0, target.strides[1]};
        desc.hasScale = affine_.scale.has_value();
        desc.hasShift = affine_.shift.has_value();
        desc.epsilon = epsilon_;
        FixedVector<TensorId, 4> operands{source->tensor, result.tensor};
        if (affine_.scale)
            operands.push_back(node.weight(*affine_.scale));
        if (affine_.shift)
            operands.push_back(node.weight(*affine_.shift));
        node.add(normKernel(desc, node.device()), std::span<const TensorId>(operands.begin(), operands.size()));
        node.set(0, result);
    }

private:
    NormKind kind_;
    uint32_t dims_;
    float epsilon_;
    Shape shape_;
    Affine affine_;
};

/// Over the positions and the channels of a group, of a map (b, c, ...).
class GroupNorm final : public Op {
public:
    explicit GroupNorm(const OpSource& source)
        : groups_(source.config.uint32("num_groups")), epsilon_(static_cast<float>(source.config.number("eps"))),
          shape_(weightShape(source.weights)), affine_(source.weights, shape_) {}

    void infer(Inference& s) const override {
        const Shape& x = s.results[0] = s.inputs[0];
        if (x.size() < 2 || x[1] % groups_)
            refuseShape("input of shape %s, its channels do not split into %u groups", ShapeText(x).text(), groups_);
        if (!shape_.empty() && (shape_.size() != 1 || shape_[0] != x[1]))
            refuseShape("input of shape %s, weight is of shape %s", ShapeText(x).text(), ShapeText(shape_).text());
    }

    void build(NodeBuilder& node) const override {
        const Shape& shape = node.results[0].shape;
        const uint64_t batch = shape[0], channels = shape[1], tokens = elementCount(shape) / batch / channels;
        const auto flat = [&](const Value& value) -> std::optional<Value> {
            const std::optional<Value> view = reshaped(value, {batch, channels, tokens});
            return view && (view->strides[1] == 1 || channels == 1) ? view : std::nullopt;
        };
        const Value x = node.input(0);
        std::optional<Value> source = flat(x);
        if (!source)
            source = flat(node.channelsLast(x));
        const Value result =
            node.result(0, channelsLastStrides(shape), [&](const Value& place) { return flat(place).has_value(); });
        const Value target = *flat(result);
        GroupNormDesc desc;
        desc.storage = node.type();
        desc.batch = static_cast<uint32_t>(batch);
        desc.tokens = static_cast<uint32_t>(tokens);
        desc.channels = static_cast<uint32_t>(channels);
        desc.groups = groups_;
        desc.epsilon = epsilon_;
        desc.hasScale = affine_.scale.has_value();
        desc.hasShift = affine_.shift.has_value();
        desc.source = {false, source->offset, source->strides[2], source->strides[0]};
        desc.result = {false, target.offset, target.strides[2], target.strides[0]};
        desc.activation = activation_;
        node.add(groupNormKernel(desc, node.device()),
                 {source->tensor, result.tensor, affine_.scale ? node.weight(*affine_.scale) : noTensor,
                  affine_.shift ? node.weight(*affine_.shift) : noTensor});
        node.set(0, result);
    }

    bool fuseActivation(const Activation& activation) override { return takeActivation(activation_, activation); }

private:
    uint32_t groups_;
    float epsilon_;
    Shape shape_;
    Affine affine_;
    Activation activation_;
};

constexpr Key epsilonKey = Key::number("eps", 0, 1, "added to the variance").orElse(1e-5);
constexpr Key rowKeys[] = {epsilonKey, Key::integer("dims", 1, 6, "how many of the last dimensions").orElse(1)};
constexpr Key groupKeys[] = {epsilonKey, Key::integer("num_groups", 1, 1 << 16, "groups of channels")};

constexpr OpType types[] = {
    {"layer_norm", makeOp<RowNorm>, rowKeys, 1, 1},
    {"rms_norm", makeOp<RowNorm>, rowKeys, 1, 1},
    {"group_norm", makeOp<GroupNorm>, groupKeys, 1, 1},
};

} // namespace

std::span<const OpType> normOps() { return types; }

} // namespace saccade::network
