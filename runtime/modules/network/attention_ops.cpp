// SPDX-License-Identifier: Apache-2.0
// torch.nn.functional.scaled_dot_product_attention over values of any view whose channels lie side by side.
#include <cmath>

#include "base/error.hpp"
#include "modules/layers/attention.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

/// (..., tokens, channels) as (batch, heads, tokens, channels): the last of the leading dimensions are the heads.
Shape fourDimensions(const Shape& shape) {
    Shape out{1, 1, shape[shape.size() - 2], shape.back()};
    for (size_t i = 0; i + 2 < shape.size(); ++i)
        out[i + 3 == shape.size() ? 1 : 0] *= shape[i];
    return out;
}

AttentionView viewOf(const Value& value) {
    return {value.offset, value.strides[0], value.strides[1], value.strides[2]};
}

class ScaledDotProductAttention final : public Op {
public:
    explicit ScaledDotProductAttention(const OpSource& source) : causal_(source.config.boolean("is_causal")) {
        if (source.config.has("scale"))
            scale_ = static_cast<float>(source.config.number("scale"));
    }

    void infer(Inference& s) const override {
        const Shape &q = s.inputs[0], &k = s.inputs[1], &v = s.inputs[2];
        if (q.size() < 2 || k.size() != q.size() || v.size() != q.size())
            refuseShape("q, k and v have shapes %s, %s and %s: they have as many dimensions, 2 at least",
                        ShapeText(q).text(), ShapeText(k).text(), ShapeText(v).text());
        const size_t rank = q.size();
        for (size_t i = 0; i + 2 < rank; ++i)
            if (k[i] != q[i] || v[i] != q[i])
                refuseShape("q, k and v have shapes %s, %s and %s: dimension %zu differs", ShapeText(q).text(),
                            ShapeText(k).text(), ShapeText(v).text(), i);
        if (k.back() != q.back() || v[rank - 2] != k[rank - 2])
            refuseShape("q, k and v have shapes %s, %s and %s: q and k have the same channels, k and v the same tokens",
                        ShapeText(q).text(), ShapeText(k).text(), ShapeText(v).text());
        if (q.back() > 256 || v.back() > 256)
            throw Error(SAC_ERROR_UNSUPPORTED, "%llu and %llu channels of a head, at most 256 are possible",
                        wide(q.back()), wide(v.back()));
        Shape& out = s.results[0] = q;
        out[rank - 1] = v.back();
        if (s.inputs.size() > 3 && !s.inputs[3].empty()) {
            Shape scores = q;
            scores[rank - 1] = k[rank - 2];
            const std::optional<Shape> sum = broadcastShape(scores, s.inputs[3]);
            if (!sum || *sum != scores)
                refuseShape("bias of shape %s does not broadcast to the scores, %s", ShapeText(s.inputs[3]).text(),
                            ShapeText(scores).text());
        }
    }

    void build(NodeBuilder& node) const override {
        const Value q = operand(node, 0), k = operand(node, 1), v = operand(node, 2);
        AttentionDesc desc;
        desc.half = node.half();
        desc.batch = static_cast<uint32_t>(q.shape[0]);
        desc.heads = desc.kvHeads = static_cast<uint32_t>(q.shape[1]);
        desc.queries = static_cast<uint32_t>(q.shape[2]);
        desc.keys = static_cast<uint32_t>(k.shape[2]);
        desc.headDim = static_cast<uint32_t>(q.shape[3]);
        desc.valueDim = static_cast<uint32_t>(v.shape[3]);
        desc.scale = scale_.value_or(1.0f / std::sqrt(static_cast<float>(desc.headDim)));
        desc.q = viewOf(q);
        desc.k = viewOf(k);
        desc.v = viewOf(v);
        desc.causal = causal_;
        AttentionTensors tensors{.q = q.tensor, .k = k.tensor, .v = v.tensor};
        if (node.has(3)) {
            const Value bias = scores(node, q, k);
            desc.denseBias = true;
            desc.denseBiasOffset = bias.offset;
            for (size_t i = 0; i < 4; ++i)
                desc.denseBiasStrides[i] = bias.strides[i];
            tensors.denseBias = bias.tensor;
        }
        const Shape& shape = node.results[0].shape;
        const Shape four = fourDimensions(shape);
        const Value result = node.result(0, headsSideBySide(shape), [&](const Value& place) {
            const std::optional<Value> view = reshaped(place, four);
            return view && view->strides[3] == 1;
        });
        const Value out = *reshaped(result, four);
        desc.out = viewOf(out);
        tensors.out = out.tensor;
        node.add(attentionKernel(desc, node.device()), operandsOf(tensors));
        node.set(0, result);
    }

private:
    static Value operand(NodeBuilder& node, size_t i) {
        const Value value = node.input(i);
        Value four = node.reshape(value, fourDimensions(value.shape));
        return four.strides[3] == 1 ? four : node.contiguous(four);
    }

    /// The bias as float32 (batch, heads, queries, keys), repeated by strides where they can say it.
    static Value scores(NodeBuilder& node, const Value& q, const Value& k) {
        Shape shape = node.raw(0).shape;
        shape[shape.size() - 1] = node.raw(1).shape[shape.size() - 2];
        const Value bias = node.as(node.raw(3), DataType::f32);
        return node.reshape(expanded(bias, shape), {q.shape[0], q.shape[1], q.shape[2], k.shape[2]});
    }

    /// (..., heads, tokens, channels) as (..., tokens, heads, channels) lies: most networks go on with that.
    static Strides headsSideBySide(const Shape& shape) {
        if (shape.size() < 3)
            return contiguousStrides(shape);
        Shape swapped = shape;
        const size_t heads = shape.size() - 3, tokens = shape.size() - 2;
        std::swap(swapped[heads], swapped[tokens]);
        Strides strides = contiguousStrides(swapped);
        std::swap(strides[heads], strides[tokens]);
        return strides;
    }

    bool causal_;
    std::optional<float> scale_;
};

constexpr Key keys[] = {Key::number("scale", -1e6, 1e6, "of the scores; d^-0.5 where nothing is said").optional(),
                        Key::boolean("is_causal", "query i sees keys up to i").orElse(0)};

constexpr OpType types[] = {
    {"scaled_dot_product_attention", makeOp<ScaledDotProductAttention>, keys, 3, 4},
};

} // namespace

std::span<const OpType> attentionOps() { return types; }

} // namespace saccade::network
