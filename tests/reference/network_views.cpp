// SPDX-License-Identifier: Apache-2.0
// Operators that move elements and compute none.
#include "reference/network_operators.hpp"

#include <algorithm>

namespace saccade::reference {

Shape Node::perAxis(const char* key, int count, int64_t absent) const {
    const auto found = config.find(key);
    if (found == config.end() || found->is_null())
        return Shape(static_cast<std::size_t>(count), absent);
    if (!found->is_array())
        return Shape(static_cast<std::size_t>(count), found->get<int64_t>());
    const auto list = found->get<Shape>();
    if (list.size() == 1)
        return Shape(static_cast<std::size_t>(count), list[0]);
    if (list.size() != static_cast<std::size_t>(count))
        throw std::invalid_argument(std::string(key) + " has another number of entries than there are axes");
    return list;
}

int dimension(int64_t dim, int rank) {
    if (dim < -rank || dim >= rank)
        throw std::invalid_argument("no dimension " + std::to_string(dim) + " of " + std::to_string(rank));
    return static_cast<int>(dim < 0 ? dim + rank : dim);
}

namespace {

std::size_t flatIndex(const Shape& shape, const Shape& index) {
    if (shape.size() != index.size())
        throw std::out_of_range("as many indices as axes are needed");
    int64_t flat = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (index[axis] < 0 || index[axis] >= shape[axis])
            throw std::out_of_range("index outside its axis");
        flat = flat * shape[axis] + index[axis];
    }
    return static_cast<std::size_t>(flat);
}

} // namespace

double& at(Tensor& tensor, const Shape& index) { return tensor.data[flatIndex(tensor.shape, index)]; }
double at(const Tensor& tensor, const Shape& index) { return tensor.data[flatIndex(tensor.shape, index)]; }

Shape broadcastShape(const Shape& a, const Shape& b) {
    Shape longer = a.size() < b.size() ? b : a;
    const Shape& shorter = a.size() < b.size() ? a : b;
    for (std::size_t i = 0; i < shorter.size(); ++i) {
        int64_t& size = longer[longer.size() - 1 - i];
        const int64_t other = shorter[shorter.size() - 1 - i];
        if (size != other && size != 1 && other != 1)
            throw std::invalid_argument("sizes " + std::to_string(size) + " and " + std::to_string(other) +
                                        " do not broadcast");
        size = size == 1 ? other : size;
    }
    return longer;
}

Tensor expanded(const Tensor& x, const Shape& shape) {
    if (broadcastShape(x.shape, shape) != shape)
        throw std::invalid_argument("a tensor does not broadcast to the shape it is expanded to");
    return fromElements(shape, [&](const Shape& index) {
        Shape from(index.end() - x.rank(), index.end());
        for (std::size_t axis = 0; axis < from.size(); ++axis)
            from[axis] = x.shape[axis] == 1 ? 0 : from[axis];
        return at(x, from);
    });
}

Tensor permuted(const Tensor& x, const std::vector<int>& dims) {
    Shape shape;
    for (const int dim : dims)
        shape.push_back(x.size(dim));
    return fromElements(shape, [&](const Shape& index) {
        Shape from(index.size());
        for (std::size_t axis = 0; axis < index.size(); ++axis)
            from.at(static_cast<std::size_t>(dims[axis])) = index[axis];
        return at(x, from);
    });
}

namespace {

/// Where an element in front of, in or behind an axis of `size` elements is read; -1: it is padding's own.
int64_t paddedFrom(int64_t position, int64_t size, const std::string& mode) {
    if (position >= 0 && position < size)
        return position;
    if (mode == "constant")
        return -1;
    if (mode == "replicate")
        return std::clamp<int64_t>(position, 0, size - 1);
    if (mode == "circular" && position >= -size && position < 2 * size)
        return (position + size) % size;
    if (mode == "reflect" && position > -size && position < 2 * size - 1)
        return position < 0 ? -position : 2 * (size - 1) - position;
    throw std::invalid_argument("padding of mode " + mode + " is larger than it may be");
}

} // namespace

Tensor padded(const Tensor& x, const Shape& before, const Shape& after, const std::string& mode, double value) {
    const std::size_t first = x.shape.size() - before.size();
    Shape shape = x.shape;
    for (std::size_t i = 0; i < before.size(); ++i)
        shape.at(first + i) += before[i] + after.at(i);
    return fromElements(shape, [&](const Shape& index) {
        Shape from = index;
        for (std::size_t i = 0; i < before.size(); ++i) {
            const std::size_t axis = first + i;
            from[axis] = paddedFrom(index[axis] - before[i], x.shape[axis], mode);
            if (from[axis] < 0)
                return value;
        }
        return at(x, from);
    });
}

namespace {

Tensor reshape(const Node& node) {
    auto shape = node.config.at("shape").get<Shape>();
    const auto open = std::find(shape.begin(), shape.end(), -1);
    if (open != shape.end()) {
        *open = 1;
        *open = node.input(0).count() / elementCount(shape);
    }
    return node.input(0).reshaped(shape);
}

Tensor permute(const Node& node) {
    const Tensor& x = node.input(0);
    std::vector<int> dims;
    for (const int64_t dim : node.config.at("dims").get<Shape>())
        dims.push_back(dimension(dim, x.rank()));
    std::vector<int> sorted = dims;
    std::sort(sorted.begin(), sorted.end());
    for (int dim = 0; dim < x.rank(); ++dim)
        if (sorted.size() != x.shape.size() || sorted[static_cast<std::size_t>(dim)] != dim)
            throw std::invalid_argument("dims is no order of all dimensions");
    return permuted(x, dims);
}

Tensor slice(const Node& node) {
    const Tensor& x = node.input(0);
    const auto dim = static_cast<std::size_t>(dimension(node.config.at("dim"), x.rank()));
    const int64_t size = x.shape[dim], step = node.config.value("step", int64_t{1});
    if (step < 1)
        throw std::invalid_argument("step is at least 1");
    const auto position = [&](const char* key, int64_t absent) {
        const auto found = node.config.find(key);
        const int64_t value = found == node.config.end() || found->is_null() ? absent : found->get<int64_t>();
        return std::clamp<int64_t>(value < 0 ? value + size : value, 0, size);
    };
    const int64_t start = position("start", 0), stop = position("stop", size);
    if (stop <= start)
        throw std::invalid_argument("the slice is empty");
    Shape shape = x.shape;
    shape[dim] = (stop - start + step - 1) / step;
    return fromElements(shape, [&](const Shape& index) {
        Shape from = index;
        from[dim] = start + index[dim] * step;
        return at(x, from);
    });
}

Tensor expand(const Node& node) {
    const Tensor& x = node.input(0);
    auto shape = node.config.at("shape").get<Shape>();
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] == -1) // as it is
            shape[i] = x.size(static_cast<int>(i) - static_cast<int>(shape.size()));
    return expanded(x, shape);
}

Tensor concat(const Node& node) {
    const auto dim = static_cast<std::size_t>(dimension(node.config.at("dim"), node.input(0).rank()));
    Tensor result = node.input(0);
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        const Tensor &first = result, &second = node.inputs[i];
        const int64_t border = first.shape[dim];
        Shape shape = first.shape, other = second.shape;
        shape[dim] += other.at(dim);
        other[dim] = border;
        if (other != first.shape)
            throw std::invalid_argument("sizes differ in other dimensions than the concatenated one");
        result = fromElements(shape, [&](const Shape& index) {
            Shape from = index;
            if (index[dim] < border)
                return at(first, from);
            from[dim] -= border;
            return at(second, from);
        });
    }
    return result;
}

Tensor pad(const Node& node) {
    const auto padding = node.config.at("padding").get<Shape>();
    Shape before, after;
    for (std::size_t i = 0; i < padding.size(); i += 2) { // the last dimension's stand first
        before.insert(before.begin(), padding[i]);
        after.insert(after.begin(), padding.at(i + 1));
    }
    if (before.size() > node.input(0).shape.size() || *std::min_element(padding.begin(), padding.end()) < 0)
        throw std::invalid_argument("padding has numbers of at most the input's dimensions, none negative");
    return padded(node.input(0), before, after, node.config.value("mode", "constant"), node.config.value("value", 0.0));
}

Tensor roll(const Node& node) {
    const auto list = [&](const char* key) {
        const nlohmann::json& value = node.config.at(key);
        return value.is_array() ? value.get<Shape>() : Shape{value.get<int64_t>()};
    };
    const Tensor& x = node.input(0);
    const Shape shifts = list("shifts"), dims = list("dims");
    Shape shift(x.shape.size(), 0);
    for (std::size_t i = 0; i < dims.size(); ++i)
        shift[static_cast<std::size_t>(dimension(dims[i], x.rank()))] += shifts.at(i);
    return fromElements(x.shape, [&](const Shape& index) {
        Shape from = index;
        for (std::size_t axis = 0; axis < from.size(); ++axis)
            from[axis] = ((index[axis] - shift[axis]) % x.shape[axis] + x.shape[axis]) % x.shape[axis];
        return at(x, from);
    });
}

/// (..., c r r, h, w) -> (..., c, h r, w r).
Tensor pixelShuffle(const Node& node) {
    const Tensor& x = node.input(0);
    const int64_t r = node.config.at("upscale_factor"), channels = x.size(-3);
    const std::size_t axis = x.shape.size() - 3;
    if (r < 1 || channels % (r * r) != 0)
        throw std::invalid_argument("upscale_factor squared does not divide the channels");
    Shape shape = x.shape;
    shape[axis] = channels / (r * r);
    shape[axis + 1] *= r;
    shape[axis + 2] *= r;
    return fromElements(shape, [&](const Shape& index) {
        Shape from = index;
        from[axis] = (index[axis] * r + index[axis + 1] % r) * r + index[axis + 2] % r;
        from[axis + 1] = index[axis + 1] / r;
        from[axis + 2] = index[axis + 2] / r;
        return at(x, from);
    });
}

/// (..., c, h r, w r) -> (..., c r r, h, w).
Tensor pixelUnshuffle(const Node& node) {
    const Tensor& x = node.input(0);
    const int64_t r = node.config.at("downscale_factor");
    const std::size_t axis = x.shape.size() - 3;
    if (r < 1 || x.size(-2) % r != 0 || x.size(-1) % r != 0)
        throw std::invalid_argument("downscale_factor does not divide height and width");
    Shape shape = x.shape;
    shape[axis] *= r * r;
    shape[axis + 1] /= r;
    shape[axis + 2] /= r;
    return fromElements(shape, [&](const Shape& index) {
        Shape from = index;
        from[axis] = index[axis] / (r * r);
        from[axis + 1] = index[axis + 1] * r + index[axis] / r % r;
        from[axis + 2] = index[axis + 2] * r + index[axis] % r;
        return at(x, from);
    });
}

Tensor constant(const Node& node) { return get(node.weights, "value"); }
Tensor identity(const Node& node) { return node.input(0); }

} // namespace

const Operators& viewOperators() {
    static const Operators operators = {{"reshape", reshape},
                                        {"permute", permute},
                                        {"slice", slice},
                                        {"expand", expand},
                                        {"concat", concat},
                                        {"pad", pad},
                                        {"roll", roll},
                                        {"pixel_shuffle", pixelShuffle},
                                        {"pixel_unshuffle", pixelUnshuffle},
                                        {"constant", constant},
                                        {"identity", identity},
                                        {"dropout", identity}};
    return operators;
}

} // namespace saccade::reference
