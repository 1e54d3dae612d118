// SPDX-License-Identifier: Apache-2.0
// Operators that move elements and compute nothing: most are another view of the same memory.
#include <algorithm>
#include <array>
#include <numeric>

#include "base/error.hpp"
#include "kernels/resample.hpp"
#include "modules/network/node_builder.hpp"
#include "modules/network/op.hpp"

namespace saccade::network {
namespace {

constexpr const char* sizesMeaning = "integers or expressions";

// Sizes of a configuration, a list or one alone, kept as they are written: expressions have values in a plan only.
class SizeList {
public:
    SizeList(Config& config, const char* key) : key_(key) {
        const JsonValue* list = config.json(key);
        if (!list)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": a list of sizes is required", key);
        items_ = list->isArray() ? list->items() : std::span(list, 1);
        if (items_.size() > 2 * maxRank)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": %zu sizes, at most %zu", key, items_.size(),
                        2 * maxRank);
        for (const JsonValue& item : items_)
            requireSize(item, key);
    }

    size_t count() const { return items_.size(); }
    int64_t value(size_t i, const Sizes& sizes) const { return evaluateSize(items_[i], sizes, key_); }

private:
    const char* key_;
    std::span<const JsonValue> items_;
};

Shape shapeOf(const SizeList& list, const Sizes& sizes) {
    if (list.count() > maxRank)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"shape\": %zu dimensions, at most %zu", list.count(), maxRank);
    Shape shape;
    for (size_t i = 0; i < list.count(); ++i)
        shape.push_back(static_cast<uint64_t>(list.value(i, sizes)));
    return shape;
}

class Reshape final : public Op {
public:
    explicit Reshape(const OpSource& source) : shape_(source.config, "shape") {}

    void infer(Inference& s) const override { s.results[0] = shape(s.inputs[0], s.sizes); }
    void build(NodeBuilder& node) const override { node.set(0, node.reshape(node.raw(0), node.results[0].shape)); }
    bool isView() const override { return true; }

private:
    Shape shape(const Shape& from, const Sizes& sizes) const {
        Shape out = shapeOf(shape_, sizes);
        constexpr uint64_t free = ~uint64_t{0}; // -1
        const uint64_t elements = elementCount(from);
        uint64_t known = 1;
        size_t open = out.size();
        for (size_t i = 0; i < out.size(); ++i) {
            if (out[i] == free && open == out.size()) {
                open = i;
                continue;
            }
            if (static_cast<int64_t>(out[i]) < 1)
                refuseShape("config \"shape\": [%zu] is %lld, a size of a shape is at least 1, one may be -1", i,
                            wide(static_cast<int64_t>(out[i])));
            known = known > elements ? known : known * out[i]; // beyond all elements it can only be refused
        }
        if (open < out.size() && known && elements % known == 0)
            out[open] = elements / known, known = elements;
        if (known != elements)
            refuseShape("the %llu elements of %s do not make the shape of config \"shape\"", wide(elements),
                        ShapeText(from).text());
        return out;
    }

    SizeList shape_;
};

class Permute final : public Op {
public:
    explicit Permute(const OpSource& source) : dims_(source.config.integers("dims")) {}

    void infer(Inference& s) const override {
        const auto order = orderOf(s.rank(0));
        for (size_t i = 0; i < order.size(); ++i)
            s.results[0].push_back(s.inputs[0][order[i]]);
    }
    void build(NodeBuilder& node) const override {
        const Value& x = node.raw(0);
        node.set(0, permuted(x, orderOf(x.rank())));
    }
    bool isView() const override { return true; }

private:
    FixedVector<uint32_t, maxRank> orderOf(size_t rank) const {
        if (dims_.size() != rank)
            refuseShape("config \"dims\" has %zu dimensions, the input %zu", dims_.size(), rank);
        FixedVector<uint32_t, maxRank> order;
        for (const int64_t dim : dims_) {
            const uint32_t d = dimensionOf(dim, rank, "dims");
            if (std::find(order.begin(), order.end(), d) != order.end())
                refuseShape("config \"dims\" has %u twice", d);
            order.push_back(d);
        }
        return order;
    }

    Config::Integers dims_;
};

class Slice final : public Op {
public:
    explicit Slice(const OpSource& source)
        : dim_(source.config.integer("dim")), step_(source.config.uint32("step")), start_(source.config.json("start")),
          stop_(source.config.json("stop")) {
        for (const JsonValue* bound : {start_, stop_})
            if (bound)
                requireSize(*bound, "config \"start\" and \"stop\"");
    }

    void infer(Inference& s) const override {
        s.results[0] = s.inputs[0];
        const Range range = rangeOf(s.inputs[0], s.sizes);
        s.results[0][range.dim] = range.count;
    }
    void build(NodeBuilder& node) const override {
        const Range range = rangeOf(node.raw(0).shape, node.sizes);
        node.set(0, sliced(node.raw(0), range.dim, range.start, range.count, step_));
    }
    bool isView() const override { return true; }

private:
    struct Range {
        uint32_t dim, start, count;
    };

    Range rangeOf(const Shape& shape, const Sizes& sizes) const {
        const uint32_t dim = dimensionOf(dim_, shape.size(), "dim");
        const int64_t size = static_cast<int64_t>(shape[dim]);
        const auto bound = [&](const JsonValue* value, int64_t otherwise, const char* key) {
            int64_t at = value ? evaluateSize(*value, sizes, key) : otherwise;
            at = at < 0 ? at + size : at;
            return std::clamp<int64_t>(at, 0, size);
        };
        const int64_t start = bound(start_, 0, "config \"start\""), stop = bound(stop_, size, "config \"stop\"");
        if (stop <= start)
            refuseShape("nothing lies from %lld to %lld of the %lld indices of dimension %u", wide(start), wide(stop),
                        wide(size), dim);
        return {dim, static_cast<uint32_t>(start), divideUp(static_cast<uint64_t>(stop - start), step_)};
    }

    int64_t dim_;
    uint32_t step_;
    const JsonValue *start_, *stop_;
};

class Expand final : public Op {
public:
    explicit Expand(const OpSource& source) : shape_(source.config, "shape") {}

    void infer(Inference& s) const override {
        Shape& out = s.results[0] = shapeOf(shape_, s.sizes);
        const Shape& from = s.inputs[0];
        if (out.size() < from.size())
            refuseShape("config \"shape\" has %zu dimensions, the input %zu", out.size(), from.size());
        const size_t lead = out.size() - from.size();
        for (size_t i = 0; i < out.size(); ++i) {
            const uint64_t old = i < lead ? 1 : from[i - lead];
            if (i >= lead && static_cast<int64_t>(out[i]) == -1)
                out[i] = old;
            if (static_cast<int64_t>(out[i]) < 1 || (old != 1 && out[i] != old))
                refuseShape("%s does not broadcast to config \"shape\"", ShapeText(from).text());
        }
    }
    void build(NodeBuilder& node) const override { node.set(0, expanded(node.raw(0), node.results[0].shape)); }
    bool isView() const override { return true; }

private:
    SizeList shape_;
};

/// Nothing; dropout at inference.
class Identity final : public Op {
public:
    explicit Identity(const OpSource&) {}
    void infer(Inference& s) const override { s.results[0] = s.inputs[0]; }
    void build(NodeBuilder& node) const override { node.set(0, node.raw(0)); }
    bool isView() const override { return true; }
};

class Pad final : public Op {
public:
    explicit Pad(const OpSource& source)
        : padding_(source.config, "padding"), mode_(static_cast<PadMode>(source.config.choice("mode"))),
          value_(static_cast<float>(source.config.number("value"))) {
        if (padding_.count() % 2)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"padding\": %zu numbers, two for each dimension",
                        padding_.count());
    }

    void infer(Inference& s) const override {
        Shape& out = s.results[0] = s.inputs[0];
        const size_t rank = out.size();
        if (padding_.count() / 2 > rank)
            refuseShape("config \"padding\" is of %zu dimensions, the input has %zu", padding_.count() / 2, rank);
        for (size_t i = 0; i < padding_.count(); ++i) {
            const int64_t n = padding_.value(i, s.sizes), size = static_cast<int64_t>(s.inputs[0][rank - 1 - i / 2]);
            if (n < 0 || (mode_ == PadMode::reflect && n >= size) || (mode_ == PadMode::circular && n > size))
                refuseShape("config \"padding\": %lld on a dimension of %lld", wide(n), wide(size));
            out[rank - 1 - i / 2] += static_cast<uint64_t>(n);
        }
    }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0);
        const Shape& shape = node.results[0].shape;
        const Value result = node.result(0, stridesLike(shape, x));
        PadDesc desc;
        desc.storage = node.type();
        desc.mode = mode_;
        desc.value = value_;
        desc.sourceSize = extents(x.shape);
        desc.resultSize = extents(shape);
        for (size_t i = 0; i < padding_.count(); i += 2)
            desc.before[maxAxes - 1 - i / 2] = static_cast<uint32_t>(padding_.value(i, node.sizes));
        desc.source = stridedView(x);
        desc.result = stridedView(result);
        node.add(padKernel(desc, node.device()), {x.tensor, result.tensor});
        node.set(0, result);
    }

private:
    SizeList padding_;
    PadMode mode_;
    float value_;
};

/// Two slices a dimension, each copied to its place.
class Roll final : public Op {
public:
    explicit Roll(const OpSource& source) : shifts_(source.config, "shifts"), dims_(source.config, "dims") {
        if (shifts_.count() != dims_.count() || !dims_.count())
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"shifts\" and \"dims\": %zu and %zu, as many of each",
                        shifts_.count(), dims_.count());
    }

    void infer(Inference& s) const override { s.results[0] = s.inputs[0]; }
    void build(NodeBuilder& node) const override {
        const Value x = node.input(0);
        const Value result = node.result(0, stridesLike(x.shape, x));
        roll(node, x, result, 0);
        node.set(0, result);
    }

private:
    void roll(NodeBuilder& node, const Value& from, const Value& to, size_t i) const {
        if (i == dims_.count()) {
            node.copy(from, to);
            return;
        }
        const uint32_t dim = dimensionOf(dims_.value(i, node.sizes), from.rank(), "dims");
        const int64_t size = static_cast<int64_t>(from.shape[dim]);
        const int64_t shift = (shifts_.value(i, node.sizes) % size + size) % size;
        const auto back = static_cast<uint32_t>(shift), front = static_cast<uint32_t>(size - shift);
        roll(node, sliced(from, dim, 0, front), sliced(to, dim, back, front), i + 1);
        if (back)
            roll(node, sliced(from, dim, front, back), sliced(to, dim, 0, back), i + 1);
    }

    SizeList shifts_, dims_;
};

class Concat final : public Op {
public:
    explicit Concat(const OpSource& source) : dim_(source.config.integer("dim")) {}

    void infer(Inference& s) const override {
        Shape& out = s.results[0] = s.inputs[0];
        const uint32_t dim = dimensionOf(dim_, out.size(), "dim");
        for (size_t i = 1; i < s.inputs.size(); ++i) {
            const Shape& part = s.inputs[i];
            Shape others = part;
            if (others.size() == out.size())
                others[dim] = out[dim];
            if (others != out)
                refuseShape("input %zu has shape %s, which differs from %s in more than dimension %u", i,
                            ShapeText(part).text(), ShapeText(s.inputs[0]).text(), dim);
            out[dim] += part[dim];
        }
    }
    // Parts that already lie in their place were written there.
    void build(NodeBuilder& node) const override {
        const Shape& shape = node.results[0].shape;
        const uint32_t dim = dimensionOf(dim_, shape.size(), "dim");
        const Value whole = node.result(0, dim == 1 ? channelsLastStrides(shape) : contiguousStrides(shape));
        uint32_t start = 0;
        for (size_t i = 0; i < node.inputs.size(); ++i) {
            const Value& part = node.raw(i);
            const auto count = static_cast<uint32_t>(part.shape[dim]);
            const Value place = sliced(whole, dim, start, count);
            if (!sameView(part, place))
                node.copy(part, place);
            start += count;
        }
        node.set(0, whole);
    }
    std::optional<uint32_t> concatDimension(size_t rank) const override { return dimensionOf(dim_, rank, "dim"); }

private:
    int64_t dim_;
};

/// (b, c, h, w) with the spatial dimensions split by r: (b, c, h, r, w, r).
Value splitPixels(const Value& map, uint32_t r) {
    const uint64_t height = map.shape[2] / r, width = map.shape[3] / r;
    return *reshaped(map, {map.shape[0], map.shape[1], height, r, width, r});
}

/// (b, c * r * r, h, w) as (b, c, h, r, w, r).
Value splitChannels(const Value& map, uint32_t r) {
    const Value split = *reshaped(map, {map.shape[0], map.shape[1] / r / r, r, r, map.shape[2], map.shape[3]});
    constexpr std::array<uint32_t, 6> order{0, 1, 4, 2, 5, 3};
    return permuted(split, order);
}

class PixelShuffle final : public Op {
public:
    explicit PixelShuffle(const OpSource& source) : r_(source.config.uint32("upscale_factor")) {}

    void infer(Inference& s) const override {
        requireRank(s, 0, 4);
        const Shape& x = s.inputs[0];
        if (x[1] % (r_ * r_))
            refuseShape("%llu channels are not divisible by the square of %u", wide(x[1]), r_);
        s.results[0] = {x[0], x[1] / r_ / r_, x[2] * r_, x[3] * r_};
    }
    void build(NodeBuilder& node) const override {
        const Value result = node.result(0, channelsLastStrides(node.results[0].shape));
        node.copy(splitChannels(node.input(0), r_), splitPixels(result, r_));
        node.set(0, result);
    }
    uint32_t asPixelShuffle() const override { return r_; }

private:
    uint32_t r_;
};

class PixelUnshuffle final : public Op {
public:
    explicit PixelUnshuffle(const OpSource& source) : r_(source.config.uint32("downscale_factor")) {}

    void infer(Inference& s) const override {
        requireRank(s, 0, 4);
        const Shape& x = s.inputs[0];
        if (x[2] % r_ || x[3] % r_)
            refuseShape("%s is not divisible by %u in height and width", ShapeText(x).text(), r_);
        s.results[0] = {x[0], x[1] * r_ * r_, x[2] / r_, x[3] / r_};
    }
    void build(NodeBuilder& node) const override {
        const Value result = node.result(0, channelsLastStrides(node.results[0].shape));
        node.copy(splitPixels(node.input(0), r_), splitChannels(result, r_));
        node.set(0, result);
    }

private:
    uint32_t r_;
};

/// A tensor of the file.
class Constant final : public Op {
public:
    explicit Constant(const OpSource& source) {
        const TensorShape* shape = source.weights.shapeOf("value");
        if (!shape)
            throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"value\" behind the node's name is missing");
        if (shape->size() > maxRank)
            throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"value\" has %zu dimensions, at most %zu", shape->size(),
                        maxRank);
        for (const uint64_t n : *shape)
            shape_.push_back(n);
        value_ = source.weights.raw("value", shape_);
        if (shape_.empty())
            shape_.push_back(1);
    }

    void infer(Inference& s) const override { s.results[0] = shape_; }
    void build(NodeBuilder& node) const override {
        Value value;
        value.tensor = node.weight(value_);
        value.shape = shape_;
        value.strides = contiguousStrides(shape_);
        value.constant = true;
        node.set(0, value); // float32: who reads it converts it, once
    }

private:
    Shape shape_;
    WeightId value_;
};

constexpr Key shapeKeys[] = {Key::json("shape", sizesMeaning)};
constexpr Key permuteKeys[] = {Key::integers("dims", {1, maxRank}, -6, 5, "the order of the input's dimensions")};
constexpr Key sliceKeys[] = {Key::integer("dim", -6, 5, "the dimension"),
                             Key::json("start", "an integer or expression").optional(),
                             Key::json("stop", "an integer or expression").optional(),
                             Key::integer("step", 1, 1 << 30, "from an index to the next").orElse(1)};
constexpr Key concatKeys[] = {Key::integer("dim", -6, 5, "the dimension")};
constexpr const char* padModes[] = {"constant", "replicate", "reflect", "circular"};
constexpr Key padKeys[] = {Key::json("padding", sizesMeaning),
                           Key::choice("mode", padModes, "what stands beyond the input").orElse(0),
                           Key::number("value", -3e38, 3e38, "of mode constant").orElse(0)};
constexpr Key rollKeys[] = {Key::json("shifts", sizesMeaning), Key::json("dims", "the dimensions")};
constexpr Key shuffleKeys[] = {Key::integer("upscale_factor", 1, 64, "r")};
constexpr Key unshuffleKeys[] = {Key::integer("downscale_factor", 1, 64, "r")};
constexpr Key dropoutKeys[] = {Key::ignored("p", "identity at inference")};

constexpr OpType types[] = {
    {"reshape", makeOp<Reshape>, shapeKeys, 1, 1},
    {"permute", makeOp<Permute>, permuteKeys, 1, 1},
    {"slice", makeOp<Slice>, sliceKeys, 1, 1},
    {"expand", makeOp<Expand>, shapeKeys, 1, 1},
    {"identity", makeOp<Identity>, {}, 1, 1},
    {"dropout", makeOp<Identity>, dropoutKeys, 1, 1},
    {"concat", makeOp<Concat>, concatKeys, 1, maxOperands},
    {"pad", makeOp<Pad>, padKeys, 1, 1},
    {"roll", makeOp<Roll>, rollKeys, 1, 1},
    {"pixel_shuffle", makeOp<PixelShuffle>, shuffleKeys, 1, 1},
    {"pixel_unshuffle", makeOp<PixelUnshuffle>, unshuffleKeys, 1, 1},
    {"constant", makeOp<Constant>, {}, 0, 0},
};

} // namespace

std::span<const OpType> viewOps() { return types; }

} // namespace saccade::network
