// SPDX-License-Identifier: Apache-2.0
#include "modules/network/node_builder.hpp"

#include "base/error.hpp"

namespace saccade::network {

Value NodeBuilder::allocate(const Shape& shape, const Strides& strides, DataType type, Phase phase) {
    if (elementCount(shape) > INT32_MAX)
        throw Error(SAC_ERROR_UNSUPPORTED, "a value of shape %s has 2^31 elements or more", ShapeText(shape).text());
    Value value;
    value.type = type;
    value.shape = shape;
    value.strides = strides;
    value.constant = phase == Phase::upload;
    value.tensor = value.constant ? graph().table(label_, type, shape) : graph().intermediate(label_, type, shape);
    return value;
}

Value NodeBuilder::allocateMap(const Shape& shape, DataType type, Phase phase) {
    Shape whole = shape;
    whole[1] = roundUp4(static_cast<uint32_t>(shape[1]));
    return sliced(allocate(whole, channelsLastStrides(whole), type, phase), 1, 0, static_cast<uint32_t>(shape[1]));
}

void NodeBuilder::copy(const Value& from, const Value& to, Phase phase) {
    ElementwiseDesc desc;
    desc.storage = from.type;
    desc.resultType = to.type;
    desc.op = ElementwiseOp::copy;
    desc.size = extents(to.shape);
    desc.a = stridedView(expanded(from, to.shape));
    desc.result = stridedView(to);
    graph().add(label_, elementwiseKernel(desc, device()), {from.tensor, noTensor, noTensor, to.tensor}, phase);
}

Value NodeBuilder::moved(const Value& value, const Value& place) {
    copy(value, place, phaseOf(value));
    return place;
}

Value NodeBuilder::moved(const Value& value, const Strides& strides, DataType type) {
    return moved(value, allocate(value.shape, strides, type, phaseOf(value)));
}

Value NodeBuilder::as(const Value& value, DataType type) {
    return value.type == type ? value : moved(value, stridesLike(value.shape, value), type);
}

Value NodeBuilder::contiguous(const Value& value) {
    return isContiguous(value) ? value : moved(value, contiguousStrides(value.shape), value.type);
}

Value NodeBuilder::dense(const Value& value) {
    return isContiguous(value) && value.offset == 0 ? value : moved(value, contiguousStrides(value.shape), value.type);
}

Value NodeBuilder::channelsLast(const Value& value) {
    return isChannelsLast(value) ? value : moved(value, allocateMap(value.shape, value.type, phaseOf(value)));
}

Value NodeBuilder::reshape(const Value& value, const Shape& shape) {
    if (const std::optional<Value> view = reshaped(value, shape))
        return *view;
    return *reshaped(contiguous(value), shape);
}

Value NodeBuilder::result(size_t i, const Strides& strides) {
    return result(i, strides, [](const Value&) { return true; });
}

Value NodeBuilder::sum(const Value& value, size_t input) {
    const Shape& shape = results[0].shape;
    const Value other = this->input(input);
    const Value out = result(0, stridesLike(shape, expanded(value, shape)));
    ElementwiseDesc desc;
    desc.storage = desc.resultType = type_;
    desc.op = ElementwiseOp::add;
    desc.size = extents(shape);
    desc.a = stridedView(expanded(value, shape));
    desc.b = stridedView(expanded(other, shape));
    desc.result = stridedView(out);
    add(elementwiseKernel(desc, device()), {value.tensor, other.tensor, noTensor, out.tensor});
    return out;
}

} // namespace saccade::network
