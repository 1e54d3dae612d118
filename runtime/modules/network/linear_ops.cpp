// SPDX-License-Identifier: Apache-2.0
// Matrix products: torch.nn.functional.linear and torch.matmul.
#include <utility>

#include "base/error.hpp"
#include "kernels/gemm.hpp"
#include "kernels/resample.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

/// Rows of a matrix product: every row has its channels side by side, rows lie evenly apart within an entry of the
/// batch.
struct Rows {
    uint32_t batch = 1, rows = 1;
    MatrixLayout layout;
};

std::optional<Rows> rowsOf(const Value& value) {
    const uint64_t width = value.shape.back();
    if (value.rank() == 0 || (width != 1 && value.strides.back() != 1))
        return std::nullopt;
    const uint64_t rows = elementCount(value.shape) / width;
    if (const std::optional<Value> flat = reshaped(value, {rows, width}))
        return Rows{1, static_cast<uint32_t>(rows), {false, flat->offset, flat->strides[0], 0}};
    const uint64_t batch = value.shape[0];
    if (const std::optional<Value> flat = reshaped(value, {batch, rows / batch, width}))
        return Rows{static_cast<uint32_t>(batch),
                    static_cast<uint32_t>(rows / batch),
                    {false, flat->offset, flat->strides[1], flat->strides[0]}};
    return std::nullopt;
}

/// Where `rows` have no stride, a layout would mean densely packed: a value that repeats along them is copied.
bool isUsable(const std::optional<Rows>& rows) { return rows && rows->layout.stride != 0; }

void packLinear(std::span<const std::span<const float>> sources, std::span<const uint64_t> parameters,
                std::span<float> packed) {
    GemmDesc desc;
    desc.columns = static_cast<uint32_t>(parameters[0]);
    desc.depth = static_cast<uint32_t>(parameters[1]);
    packGemmWeight(desc, sources[0], packed);
}

class Linear final : public Op {
public:
    explicit Linear(const OpSource& source) {
        const TensorShape* shape = source.weights.shapeOf("weight");
        if (!shape || shape->size() != 2 || (*shape)[0] < 1 || (*shape)[1] < 1)
            throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"weight\" is missing, or its shape is not (out, in)");
        const uint64_t outputs = (*shape)[0], inputs = (*shape)[1];
        const uint64_t parameters[] = {outputs, inputs};
        gemm_.columns = static_cast<uint32_t>(outputs);
        gemm_.depth = static_cast<uint32_t>(inputs);
        const SourceId id = source.weights.source("weight", {outputs, inputs});
        weight_ = source.weights.pack(source.op, {&id, 1}, gemmWeightElements(gemm_), packLinear, parameters,
                                      WeightPrecision::storage);
        gemm_.bias = source.weights.has("bias");
        if (gemm_.bias)
            bias_ = source.weights.raw("bias", {outputs});
    }

    void infer(Inference& s) const override {
        const Shape& x = s.inputs[0];
        if (x.empty() || x.back() != gemm_.depth)
            refuseShape("input of shape %s, its last dimension must be %u (weight)", ShapeText(x).text(), gemm_.depth);
        Shape& out = s.results[0] = x;
        out[out.size() - 1] = gemm_.columns;
        if (residual_)
            broadcastResidual(s);
    }

    void build(NodeBuilder& node) const override {
        Value x = node.input(0);
        std::optional<Rows> rows = rowsOf(x);
        if (!isUsable(rows)) {
            x = node.contiguous(x);
            rows = rowsOf(x);
        }
        Shape shape = x.shape;
        shape[shape.size() - 1] = gemm_.columns;
        const bool later = residual_ && node.raw(1).shape != shape; // it broadcasts: added by itself
        std::optional<Value> residual;
        std::optional<Rows> residualRows;
        if (residual_ && !later) {
            residual = node.input(1);
            residualRows = rowsFor(*residual, *rows);
            if (!residualRows) {
                residual = node.contiguous(*residual);
                residualRows = rowsFor(*residual, *rows);
            }
        }
        GemmDesc desc = gemm_;
        desc.storage = node.type();
        desc.batch = rows->batch;
        desc.rows = rows->rows;
        desc.a = rows->layout;
        desc.activation = activation_;
        const Strides strides = contiguousStrides(shape);
        const Value result =
            later ? node.temporary(shape, strides, node.type())
                  : node.result(0, strides, [&](const Value& place) { return rowsFor(place, *rows).has_value(); });
        desc.out = rowsFor(result, *rows)->layout;
        if (residualRows) {
            desc.hasResidual = true;
            desc.residual = residualRows->layout;
        }
        node.add(gemm(desc, node.device()), {x.tensor, node.weight(weight_), gemm_.bias ? node.weight(bias_) : noTensor,
                                             residual ? residual->tensor : noTensor, result.tensor});
        node.set(0, later ? node.sum(result, 1) : result);
    }

    bool fuseActivation(const Activation& activation) override {
        return !residual_ && takeActivation(activation_, activation);
    }
    bool fuseResidual() override { return !std::exchange(residual_, true); }

private:
    // The value in rows that are split into a batch as those of the product.
    static std::optional<Rows> rowsFor(const Value& value, const Rows& product) {
        const uint64_t width = value.shape.back();
        if (width != 1 && value.strides.back() != 1)
            return std::nullopt;
        const std::optional<Value> flat = reshaped(value, {product.batch, product.rows, width});
        if (!flat || flat->strides[1] == 0 || (product.batch > 1 && flat->strides[0] == 0))
            return std::nullopt;
        return Rows{product.batch, product.rows, {false, flat->offset, flat->strides[1], flat->strides[0]}};
    }

    GemmDesc gemm_;
    WeightId weight_ = 0, bias_ = 0;
    Activation activation_;
    bool residual_ = false;
};

/// Both operands are values. The second is laid out as gemm wants its weight, an entry for each of the batch.
class Matmul final : public Op {
public:
    explicit Matmul(const OpSource&) {}

    void infer(Inference& s) const override {
        const Shape &a = s.inputs[0], &b = s.inputs[1];
        if (a.size() < 2 || b.size() < 2)
            refuseShape("inputs of shape %s and %s, both must have 2 dimensions or more", ShapeText(a).text(),
                        ShapeText(b).text());
        if (a.back() != b[b.size() - 2])
            refuseShape("inputs of shape %s and %s: the first has %llu columns, the second %llu rows",
                        ShapeText(a).text(), ShapeText(b).text(), wide(a.back()), wide(b[b.size() - 2]));
        const std::optional<Shape> lead = broadcastShape(leading(a), leading(b));
        if (!lead)
            refuseShape("leading dimensions of %s and %s do not broadcast", ShapeText(a).text(), ShapeText(b).text());
        Shape& out = s.results[0] = *lead;
        out.push_back(a[a.size() - 2]);
        out.push_back(b.back());
    }

    void build(NodeBuilder& node) const override {
        const Shape& shape = node.results[0].shape;
        const uint64_t rows = shape[shape.size() - 2], columns = shape.back(), depth = node.raw(0).shape.back();
        const Shape lead = leading(shape);
        const uint64_t batch = elementCount(lead);
        const auto matrices = [&](size_t input, uint64_t height, uint64_t width) {
            Shape whole = lead;
            whole.push_back(height);
            whole.push_back(width);
            return node.reshape(expanded(node.input(input), whole), {batch, height, width});
        };
        Value a = matrices(0, rows, depth);
        if (a.strides[2] != 1 || a.strides[1] == 0 || (batch > 1 && a.strides[0] == 0))
            a = node.contiguous(a); // to a layout a stride of 0 means densely packed
        const Value b = packed(node, matrices(1, depth, columns));
        const Value result = node.result(0, contiguousStrides(shape), [&](const Value& place) {
            const std::optional<Value> flat = reshaped(place, {batch, rows, columns});
            return flat && flat->strides[2] == 1;
        });
        const Value out = *reshaped(result, {batch, rows, columns});
        GemmDesc desc;
        desc.storage = node.type();
        desc.batch = static_cast<uint32_t>(batch);
        desc.rows = static_cast<uint32_t>(rows);
        desc.columns = static_cast<uint32_t>(columns);
        desc.depth = static_cast<uint32_t>(depth);
        desc.a = {false, a.offset, a.strides[1], a.strides[0]};
        desc.out = {false, out.offset, out.strides[1], out.strides[0]};
        desc.weightBatchStride = b.strides[0];
        desc.activation = activation_;
        node.add(gemm(desc, node.device()), {a.tensor, b.tensor, noTensor, noTensor, out.tensor});
        node.set(0, result);
    }

    bool fuseActivation(const Activation& activation) override { return takeActivation(activation_, activation); }

private:
    static Shape leading(const Shape& shape) {
        Shape out;
        for (size_t i = 0; i + 2 < shape.size(); ++i)
            out.push_back(shape[i]);
        return out;
    }

    // (batch, depth, columns) with zeros up to multiples of 4, contiguous: gemm's packed weight.
    static Value packed(NodeBuilder& node, const Value& b) {
        const auto up = [](uint64_t n) { return alignUp(n, 4); };
        const Shape shape{b.shape[0], up(b.shape[1]), up(b.shape[2])};
        if (shape == b.shape && isContiguous(b) && b.offset == 0)
            return b;
        const Value out = node.temporary(shape, contiguousStrides(shape), node.type());
        PadDesc desc;
        desc.storage = node.type();
        desc.sourceSize = extents(b.shape);
        desc.resultSize = extents(shape);
        desc.source = stridedView(b);
        desc.result = stridedView(out);
        node.add(padKernel(desc, node.device()), {b.tensor, out.tensor});
        return out;
    }

    Activation activation_;
};

constexpr OpType types[] = {
    {"linear", makeOp<Linear>, {}, 1, 1},
    {"matmul", makeOp<Matmul>, {}, 2, 2},
};

} // namespace

std::span<const OpType> linearOps() { return types; }

} // namespace saccade::network
