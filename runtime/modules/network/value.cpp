// SPDX-License-Identifier: Apache-2.0
#include "modules/network/value.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

namespace saccade::network {
namespace {

using Order = FixedVector<uint32_t, maxRank>;

// Dense strides of dimensions that lie in this order, the outermost first.
Strides denseStrides(const Shape& shape, const Order& order) {
    Strides strides;
    strides.resize(shape.size());
    uint64_t stride = 1;
    for (size_t i = order.size(); i-- > 0;) {
        strides[order[i]] = static_cast<uint32_t>(stride);
        stride *= shape[order[i]];
    }
    return strides;
}

Order identityOrder(size_t rank) {
    Order order;
    order.resize(rank);
    std::iota(order.begin(), order.end(), 0u);
    return order;
}

bool liesAs(const Value& value, const Strides& strides) {
    for (size_t i = 0; i < value.rank(); ++i)
        if (value.shape[i] != 1 && value.strides[i] != strides[i])
            return false;
    return true;
}

} // namespace

Strides contiguousStrides(const Shape& shape) { return denseStrides(shape, identityOrder(shape.size())); }

Strides channelsLastStrides(const Shape& shape) {
    Order order = identityOrder(shape.size());
    if (shape.size() > 2)
        std::rotate(order.begin() + 1, order.begin() + 2, order.end());
    return denseStrides(shape, order);
}

Strides stridesLike(const Shape& shape, const Value& model) {
    Order order = identityOrder(shape.size());
    // Dimensions that repeat or have one index tell nothing: they stay beside their neighbour before them.
    const auto moves = [&](uint32_t dim) { return model.shape[dim] != 1 && model.strides[dim] != 0; };
    for (size_t i = 1; i < order.size(); ++i)
        for (size_t j = i;
             j > 0 && moves(order[j]) && moves(order[j - 1]) && model.strides[order[j]] > model.strides[order[j - 1]];
             --j)
            std::swap(order[j], order[j - 1]);
    return denseStrides(shape, order);
}

bool sameView(const Value& a, const Value& b) {
    return a.tensor == b.tensor && a.offset == b.offset && a.shape == b.shape && liesAs(a, b.strides);
}

bool isContiguous(const Value& value) { return liesAs(value, contiguousStrides(value.shape)); }
bool isChannelsLast(const Value& value) { return liesAs(value, channelsLastStrides(value.shape)); }

Value permuted(const Value& value, std::span<const uint32_t> order) {
    Value out = value;
    for (size_t i = 0; i < order.size(); ++i) {
        out.shape[i] = value.shape[order[i]];
        out.strides[i] = value.strides[order[i]];
    }
    return out;
}

Value sliced(const Value& value, uint32_t dim, uint32_t start, uint32_t count, uint32_t step) {
    Value out = value;
    out.offset += start * value.strides[dim];
    out.shape[dim] = count;
    out.strides[dim] *= step;
    return out;
}

Value expanded(const Value& value, const Shape& shape) {
    Value out = value;
    out.shape = shape;
    out.strides = {};
    out.strides.resize(shape.size(), 0);
    const size_t lead = shape.size() - value.rank();
    for (size_t i = 0; i < value.rank(); ++i)
        out.strides[lead + i] = value.shape[i] == 1 ? 0 : value.strides[i];
    return out;
}

std::optional<Value> reshaped(const Value& value, const Shape& shape) {
    Value out = value;
    out.shape = shape;
    out.strides = {};
    out.strides.resize(shape.size(), 1);
    // Runs of old dimensions that lie as one are matched with runs of new ones of as many elements, from the last on.
    size_t from = value.rank(), to = shape.size();
    while (from > 0 && to > 0) {
        uint64_t have = value.shape[--from];
        uint64_t stride = value.strides[from];
        uint64_t want = 1;
        size_t first = to;
        while (have != want) {
            if (want < have) {
                if (first == 0)
                    return std::nullopt;
                want *= shape[--first];
                continue;
            }
            if (from == 0)
                return std::nullopt;
            const uint64_t outer = value.shape[from - 1];
            if (outer != 1) {
                // The run so far steps by `stride` from its innermost dimension on.
                if (have != 1 && value.strides[from - 1] != stride * have)
                    return std::nullopt;
                if (have == 1)
                    stride = value.strides[from - 1];
                have *= outer;
            }
            --from;
        }
        uint64_t step = stride;
        for (size_t i = to; i-- > first;) {
            out.strides[i] = static_cast<uint32_t>(step);
            step *= shape[i];
        }
        to = first;
    }
    // Leading dimensions of one index step over all of the others, which keeps vectors of four aligned.
    uint64_t extent = 1;
    for (size_t i = to; i < shape.size(); ++i)
        extent = std::max(extent, out.strides[i] * shape[i]);
    std::fill_n(out.strides.begin(), to, static_cast<uint32_t>(extent));
    return out;
}

StridedView stridedView(const Value& value) {
    StridedView view;
    view.offset = value.offset;
    std::copy(value.strides.begin(), value.strides.end(), view.strides.end() - static_cast<int>(value.rank()));
    return view;
}

Extents extents(const Shape& shape) {
    Extents size;
    size.fill(1);
    std::transform(shape.begin(), shape.end(), size.end() - static_cast<int>(shape.size()),
                   [](uint64_t n) { return static_cast<uint32_t>(n); });
    return size;
}

std::optional<Shape> broadcastShape(const Shape& a, const Shape& b) {
    Shape out;
    out.resize(std::max(a.size(), b.size()), 1);
    for (size_t i = 0; i < out.size(); ++i) {
        const auto at = [&](const Shape& shape) {
            const size_t lead = out.size() - shape.size();
            return i < lead ? uint64_t{1} : shape[i - lead];
        };
        if (at(a) != at(b) && at(a) != 1 && at(b) != 1)
            return std::nullopt;
        out[i] = at(a) == 1 ? at(b) : at(a);
    }
    return out;
}

ShapeText::ShapeText(const Shape& shape) {
    size_t used = static_cast<size_t>(std::snprintf(text_, sizeof(text_), "("));
    for (size_t i = 0; i < shape.size() && used < sizeof(text_) - 2; ++i)
        used += static_cast<size_t>(std::snprintf(text_ + used, sizeof(text_) - used, i ? ", %llu" : "%llu",
                                                  static_cast<unsigned long long>(shape[i])));
    used = std::min(used, sizeof(text_) - 2);
    std::snprintf(text_ + used, sizeof(text_) - used, ")");
}

} // namespace saccade::network
