// SPDX-License-Identifier: Apache-2.0
// Operators over whole dimensions: mean, sum, amax, softmax and l2 normalisation.
#include <algorithm>

#include "base/error.hpp"
#include "kernels/reduce.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

ReduceDesc describe(const NodeBuilder& node, Reduction kind, const Value& source, const Value& result, uint32_t dim) {
    ReduceDesc desc;
    desc.storage = node.type();
    desc.kind = kind;
    desc.size = extents(source.shape);
    desc.axis = static_cast<uint32_t>(maxAxes - source.rank()) + dim;
    desc.source = stridedView(source);
    desc.result = stridedView(result);
    return desc;
}

/// softmax and normalize: a result of the input's shape.
class AlongDimension final : public Op {
public:
    explicit AlongDimension(const OpSource& source)
        : kind_(source.op == "softmax" ? Reduction::softmax : Reduction::normalize),
          dim_(source.config.integer("dim")) {
        if (kind_ == Reduction::normalize)
            epsilon_ = static_cast<float>(source.config.number("eps"));
    }

    void infer(Inference& s) const override {
        s.results[0] = s.inputs[0];
        dimensionOf(dim_, s.rank(0), "dim");
    }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0);
        const Value result = node.result(0, stridesLike(x.shape, x));
        ReduceDesc desc = describe(node, kind_, x, result, dimensionOf(dim_, x.rank(), "dim"));
        desc.epsilon = epsilon_;
        node.add(reduceKernel(desc, node.device()), {x.tensor, result.tensor});
        node.set(0, result);
    }

private:
    Reduction kind_;
    int64_t dim_;
    float epsilon_ = 1e-12f;
};

/// mean, sum and amax, one dimension after the other; neighbours that lie as one are one.
class Reduce final : public Op {
public:
    explicit Reduce(const OpSource& source)
        : kind_(source.op == "mean"  ? Reduction::mean
                : source.op == "sum" ? Reduction::sum
                                     : Reduction::amax),
          dims_(source.config.integers("dims")), keep_(source.config.boolean("keepdim")) {}

    void infer(Inference& s) const override {
        const Dims dims = dimsOf(s.rank(0));
        for (uint32_t i = 0; i < s.rank(0); ++i) {
            if (!isIn(dims, i))
                s.results[0].push_back(s.inputs[0][i]);
            else if (keep_)
                s.results[0].push_back(1);
        }
        if (s.results[0].empty())
            s.results[0].push_back(1);
    }

    void build(NodeBuilder& node) const override {
        Value x = node.input(0);
        const Dims dims = dimsOf(x.rank());
        Value result;
        for (size_t i = dims.size(); i-- > 0;) {
            uint32_t dim = dims[i];
            // Dimensions side by side that lie as one are summed as one.
            while (i > 0 && dims[i - 1] + 1 == dim) {
                Shape merged = x.shape;
                merged[dim - 1] *= merged[dim];
                merged[dim] = 1;
                const std::optional<Value> view = reshaped(x, merged);
                if (!view)
                    break;
                x = *view;
                --dim;
                --i;
            }
            Shape shape = x.shape;
            shape[dim] = 1;
            const bool last = i == 0;
            result = last ? resultPlace(node, shape) : node.temporary(shape, contiguousStrides(shape), node.type());
            node.add(reduceKernel(describe(node, kind_, x, result, dim), node.device()), {x.tensor, result.tensor});
            x = result;
        }
        node.set(0, *reshaped(result, node.results[0].shape));
    }

private:
    using Dims = FixedVector<uint32_t, maxRank>;

    static bool isIn(const Dims& dims, uint32_t dim) { return std::find(dims.begin(), dims.end(), dim) != dims.end(); }

    // In ascending order.
    Dims dimsOf(size_t rank) const {
        Dims dims;
        for (const int64_t dim : dims_) {
            const uint32_t d = dimensionOf(dim, rank, "dims");
            if (isIn(dims, d))
                refuseShape("config \"dims\" has %u twice", d);
            dims.push_back(d);
            for (size_t i = dims.size() - 1; i > 0 && dims[i - 1] > dims[i]; --i)
                std::swap(dims[i - 1], dims[i]);
        }
        return dims;
    }

    // The result's place in the shape that keeps dimensions of 1.
    static Value resultPlace(NodeBuilder& node, const Shape& shape) {
        const Value place = node.result(0, contiguousStrides(node.results[0].shape),
                                        [&](const Value& wanted) { return reshaped(wanted, shape).has_value(); });
        return *reshaped(place, shape);
    }

    Reduction kind_;
    Config::Integers dims_;
    bool keep_;
};

constexpr Key softmaxKeys[] = {Key::integer("dim", -6, 5, "the dimension")};
constexpr Key normalizeKeys[] = {Key::integer("dim", -6, 5, "the dimension").orElse(1),
                                 Key::number("eps", 0, 1, "the least norm").orElse(1e-12)};
constexpr Key reduceKeys[] = {Key::integers("dims", {1, maxRank}, -6, 5, "the dimensions"),
                              Key::boolean("keepdim", "they stay, of size 1").orElse(0)};

constexpr OpType types[] = {
    {"softmax", makeOp<AlongDimension>, softmaxKeys, 1, 1},
    {"normalize", makeOp<AlongDimension>, normalizeKeys, 1, 1},
    {"mean", makeOp<Reduce>, reduceKeys, 1, 1},
    {"sum", makeOp<Reduce>, reduceKeys, 1, 1},
    {"amax", makeOp<Reduce>, reduceKeys, 1, 1},
};

} // namespace

std::span<const OpType> reductionOps() { return types; }

} // namespace saccade::network
