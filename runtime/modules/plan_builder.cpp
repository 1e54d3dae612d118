// SPDX-License-Identifier: Apache-2.0
#include "modules/plan_builder.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/copy.hpp"

namespace saccade {
namespace {

// Batch, positions and channels of a PyTorch shape seen as tokens.
struct TokenShape {
    uint64_t batch, tokens, channels;
};

TokenShape tokenShape(const Shape& shape, ChannelAxis axis) {
    if (shape.size() == 1)
        return {1, 1, shape[0]};
    TokenShape out{shape[0], 1, axis == ChannelAxis::second ? shape[1] : shape.back()};
    out.tokens = elementCount(shape) / (out.batch * out.channels);
    return out;
}

// Tensors whose last dimension is the channels have one order only; another would be read as if it were that one.
void requireContiguous(const TensorRequest& request, const char* what) {
    if (request.channelsLast)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "%s \"%.*s\" is of layout CHANNELS_LAST, which is for shapes (b, c, spatial...); it is contiguous",
                    what, clip(request.name), request.name.data());
}

// What is no activation has no images.
void requireBuffer(const TensorRequest& request, const char* what) {
    if (!request.images.empty())
        throw Error(
            SAC_ERROR_INVALID_ARGUMENT,
            "%s \"%.*s\" is given as images, which only activations of shape (b, c, h, w) or (b, h, w, c) can be", what,
            clip(request.name), request.name.data());
}

// A feature map's dimensions.
struct MapShape {
    uint64_t batch, channels, height, width;
};

MapShape mapShape(const Shape& shape, ChannelAxis axis) {
    return axis == ChannelAxis::second ? MapShape{shape[0], shape[1], shape[2], shape[3]}
                                       : MapShape{shape[0], shape[3], shape[1], shape[2]};
}

// The images' channels are the tensor's.
void checkImages(const TensorRequest& request, ChannelAxis axis, const char* what) {
    uint64_t channels = 0;
    for (const ImageRequest& image : request.images)
        channels += image.slice.tokenChannels();
    const bool second = axis == ChannelAxis::second;
    if (request.shape.size() != 4)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s \"%.*s\" is given as images, but has rank %zu; it is %s", what,
                    clip(request.name), request.name.data(), request.shape.size(),
                    second ? "(b, c, h, w)" : "(b, h, w, c)");
    if (channels != mapShape(request.shape, axis).channels)
        throw Error(
            SAC_ERROR_INVALID_ARGUMENT,
            "%s \"%.*s\": its images hold %llu channels (the sum of those of the tensor, times pixelShuffle^2), "
            "shape[%d] is %llu",
            what, clip(request.name), request.name.data(), wide(channels), second ? 1 : 3,
            wide(mapShape(request.shape, axis).channels));
}

template <class Desc>
Desc describeMap(const MapShape& map, DataType type) {
    Desc desc;
    desc.type = type;
    desc.layered = map.batch > 1;
    desc.batch = static_cast<uint32_t>(map.batch);
    desc.height = static_cast<uint32_t>(map.height);
    desc.width = static_cast<uint32_t>(map.width);
    desc.rowChannels = static_cast<uint32_t>(map.channels);
    return desc;
}

void requireHostData(const TensorRequest& request, DataType type) {
    if (!request.hostData)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\": hostData is null, its values shape the plan",
                    clip(request.name), request.name.data());
    if (const uint64_t bytes = byteCount(request.shape, type); request.hostDataSize < bytes)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"%.*s\": hostDataSize is %zu, shape and type %s take %llu bytes", clip(request.name),
                    request.name.data(), request.hostDataSize, dataTypeName(type), wide(bytes));
}

std::size_t indexOf(std::span<const TensorDescription> tensors, std::string_view name) {
    return static_cast<std::size_t>(std::find_if(tensors.begin(), tensors.end(),
                                                 [&](const TensorDescription& tensor) { return name == tensor.name; }) -
                                    tensors.begin());
}

// A module builds with what its description has, and with nothing else.
void noteAsked(std::span<const TensorDescription> described, std::string_view name, std::pmr::vector<bool>& asked) {
    const std::size_t index = indexOf(described, name);
    if (index == described.size())
        throw Error(SAC_ERROR_INTERNAL, "\"%.*s\" is built with, but not described", clip(name), name.data());
    asked[index] = true;
}

void checkType(const TensorRequest& request, const TensorDescription& described, const char* what) {
    const auto& types = described.types;
    if (!request.type || std::find(types.begin(), types.end(), *request.type) != types.end())
        return;
    NameList list;
    for (const DataType type : types)
        list.add(dataTypeName(type));
    throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s \"%s\" is of type %s, it can be %s", what, described.name,
                dataTypeName(*request.type), list.text());
}

// Every request is of a described tensor, and of a type that it can have.
void checkRequests(std::span<const TensorRequest> requests, std::span<const TensorDescription> described,
                   const char* what, const char* module) {
    for (const TensorRequest& request : requests) {
        const std::size_t index = indexOf(described, request.name);
        if (index == described.size())
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "info->%ss has \"%.*s\", which %s does not have; its %ss are %s",
                        what, clip(request.name), request.name.data(), module, what, namesOf(described).text());
        checkType(request, described[index], what);
    }
}

[[noreturn]] void throwMissing(std::string_view name, const PlanRequest& request) {
    throw Error(SAC_ERROR_INVALID_ARGUMENT,
                "info->inputs has no \"%.*s\", which %s needs; it has %s, the inputs are %s", clip(name), name.data(),
                request.module, namesOf(request.inputs).text(), namesOf(request.description.inputs).text());
}

} // namespace

PlanBuilder::PlanBuilder(const PlanRequest& request, const WeightSet& weights, const DeviceProfile& device,
                         std::pmr::memory_resource* memory)
    : request_(request), weights_(weights), device_(device), weightStorage_(request.storage), memory_(memory),
      ownGraph_(std::in_place, memory, device.minStorageBufferOffsetAlignment, request.progress), graph_(*ownGraph_),
      warnings_(memory), tensors_(memory), askedInputs_(memory), askedOutputs_(memory) {
    checkRequest();
}

PlanBuilder::PlanBuilder(const PlanRequest& request, const WeightSet& weights, const DeviceProfile& device,
                         std::pmr::memory_resource* memory, Graph& graph, std::span<const EmbeddedInput> inputs,
                         DataType weightStorage)
    : request_(request), weights_(weights), device_(device), weightStorage_(weightStorage), memory_(memory),
      graph_(graph), embedded_(inputs), warnings_(memory), tensors_(memory), askedInputs_(memory),
      askedOutputs_(memory) {
    checkRequest();
}

void PlanBuilder::checkRequest() {
    const ModuleDescription& description = request_.description;
    askedInputs_.assign(description.inputs.size(), false);
    askedOutputs_.assign(description.outputs.size(), false);
    checkRequests(request_.inputs, description.inputs, "input", request_.module);
    checkRequests(request_.outputs, description.outputs, "output", request_.module);
    for (const TensorDescription& input : description.inputs)
        if (!isOptional(input.presence))
            requireInput(input.name);
    askedInputs_.assign(askedInputs_.size(), false);
}

// `channelsLast` says, where it is not null, that channels side by side serve too, and learns whether they are.
TensorId PlanBuilder::bindInput(std::string_view name, DataType type, const Shape& shape, bool* channelsLast) {
    if (ownGraph_)
        return graph_.external(name, type, shape);
    const auto input =
        std::find_if(embedded_.begin(), embedded_.end(), [&](const EmbeddedInput& one) { return one.name == name; });
    if (!input->channelsLast)
        return input->tensor;
    if (channelsLast) {
        *channelsLast = true;
        return input->tensor;
    }
    const TensorId contiguous = graph_.intermediate(name, type, shape);
    convertTokens(name, input->tensor, false, contiguous, true, shape, ChannelAxis::second);
    return contiguous;
}

TensorId PlanBuilder::bindOutput(std::string_view name, DataType type, const Shape& shape) {
    return ownGraph_ ? graph_.external(name, type, shape) : graph_.intermediate(name, type, shape);
}

const TensorRequest* PlanBuilder::findInput(std::string_view name) {
    noteAsked(request_.description.inputs, name, askedInputs_);
    for (const TensorRequest& input : request_.inputs)
        if (input.name == name)
            return &input;
    return nullptr;
}

bool PlanBuilder::hasInput(std::string_view name) { return findInput(name) != nullptr; }

const TensorRequest& PlanBuilder::requireInput(std::string_view name) {
    const TensorRequest* input = findInput(name);
    if (!input)
        throwMissing(name, request_);
    return *input;
}

const Shape& PlanBuilder::inputShape(std::string_view name, uint32_t rank) {
    const Shape& shape = requireInput(name).shape;
    if (rank ? shape.size() != rank : shape.empty())
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\" has rank %zu, the module wants %s%u", clip(name),
                    name.data(), shape.size(), rank ? "" : "at least ", rank ? rank : 1);
    return shape;
}

void PlanBuilder::expectDimension(std::string_view name, uint32_t axis, uint64_t expected, const char* rule) {
    const Shape& shape = inputShape(name, 0);
    if (axis >= shape.size() || shape[axis] != expected)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\": shape[%u] is %llu, it must be %llu (%s)", clip(name),
                    name.data(), axis, wide(axis < shape.size() ? shape[axis] : 0), wide(expected), rule);
}

void PlanBuilder::ignoreInput(std::string_view name, const char* reason) {
    if (hasInput(name))
        warnings_.add("input \"%.*s\" is ignored: %s", clip(name), name.data(), reason);
}

std::array<uint32_t, 4> PlanBuilder::broadcastStrides(std::string_view name, const std::array<uint64_t, 4>& shape,
                                                      bool shortRows) {
    const Shape& given = inputShape(name, 0);
    if (given.size() < 2 || given.size() > shape.size())
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\" has rank %zu, the module wants 2 to %zu", clip(name),
                    name.data(), given.size(), shape.size());
    std::array<uint32_t, 4> strides{};
    uint64_t stride = 1;
    for (size_t axis = shape.size(), from = given.size(); from-- > 0;) {
        --axis;
        const bool shorter = shortRows && axis + 1 == shape.size() && given[from] < shape[axis];
        if (given[from] != shape[axis] && given[from] != 1 && !shorter)
            throw Error(SAC_ERROR_INVALID_ARGUMENT,
                        "input \"%.*s\": shape[%zu] is %llu, it must be %llu or 1, to broadcast to "
                        "(%llu, %llu, %llu, %llu)",
                        clip(name), name.data(), from, wide(given[from]), wide(shape[axis]), wide(shape[0]),
                        wide(shape[1]), wide(shape[2]), wide(shape[3]));
        strides[axis] = given[from] == 1 ? 0 : static_cast<uint32_t>(stride);
        stride *= given[from];
    }
    return strides;
}

KeyMask PlanBuilder::inputKeyMask(std::string_view name, uint64_t batch, uint64_t keys) {
    if (!hasInput(name))
        return {};
    const Shape& shape = inputShape(name, 2);
    if (shape[0] != 1 && shape[0] != batch)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\": shape[0] is %llu, it must be %llu (the batch) or 1",
                    clip(name), name.data(), wide(shape[0]), wide(batch));
    expectDimension(name, 1, keys, "the number of keys");
    const uint32_t stride = shape[0] == 1 ? 0 : static_cast<uint32_t>(keys);
    return {inputBuffer(name, DataType::boolean), stride};
}

PlanTensor& PlanBuilder::addTensor(const TensorRequest& request, bool output, DataType type) {
    PlanTensor tensor{std::pmr::string(request.name, memory_)};
    tensor.output = output;
    tensor.type = type;
    tensor.channelsLast = request.channelsLast;
    tensor.shape = request.shape;
    tensors_.push_back(std::move(tensor));
    return tensors_.back();
}

TensorId PlanBuilder::addImages(const TensorRequest& request, ChannelAxis channels, PlanTensor& tensor) {
    const MapShape map = mapShape(request.shape, channels);
    tensor.imageCount = static_cast<uint32_t>(request.images.size());
    for (const ImageRequest& image : request.images) {
        const uint64_t texels = map.batch * map.height * map.width * image.slice.factor * image.slice.factor;
        const TensorId id = graph_.externalImage(request.name, texels * image.format.texelBytes);
        if (tensor.tensor == noTensor)
            tensor.tensor = id;
    }
    return tensor.tensor;
}

TensorId PlanBuilder::readImages(const TensorRequest& request, ChannelAxis channels, DataType type) {
    checkImages(request, channels, "input");
    const MapShape map = mapShape(request.shape, channels);
    TensorId image = addImages(request, channels, addTensor(request, false, DataType::f32));
    const TensorId tokens = graph_.intermediate(request.name, type, {map.batch, map.height * map.width, map.channels});
    auto desc = describeMap<ImagesToTokensDesc>(map, type);
    std::span<const ImageRequest> left(request.images.begin(), request.images.size());
    while (!left.empty()) {
        const size_t count = std::min<size_t>(left.size(), imagesRead(device_));
        FixedVector<TensorId, 1 + maxImagesRead> operands{tokens};
        desc.images.clear();
        for (const ImageRequest& one : left.first(count)) {
            desc.images.push_back(one.slice);
            operands.push_back(image++);
        }
        graph_.add(request.name, imagesToTokens(desc, device_), operands);
        for (const ImageRequest& one : left.first(count))
            desc.firstChannel += one.slice.tokenChannels();
        left = left.subspan(count);
    }
    return tokens;
}

void PlanBuilder::writeImages(const TensorRequest& request, ChannelAxis channels, const PlanTensor& tensor,
                              TensorId tokens) {
    auto desc = describeMap<TokensToImageDesc>(mapShape(tensor.shape, channels), graph_.tensor(tokens).type);
    for (uint32_t i = 0; i < request.images.size(); ++i) {
        desc.format = request.images[i].format;
        desc.image = request.images[i].slice;
        graph_.add(request.name, tokensToImage(desc, device_), {tokens, tensor.tensor + i});
        desc.firstChannel += desc.image.tokenChannels();
    }
}

PlanTensor& PlanBuilder::addFloatInput(const TensorRequest& request, bool* channelsLast) {
    const DataType type = request.type.value_or(DataType::f32);
    if (type != DataType::f32 && type != DataType::f16)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\" is of type %s, the module wants FLOAT32 or FLOAT16",
                    clip(request.name), request.name.data(), dataTypeName(type));
    PlanTensor& tensor = addTensor(request, false, type);
    tensor.tensor = bindInput(request.name, type, request.shape, channelsLast);
    return tensor;
}

TensorId PlanBuilder::inputFloats(std::string_view name) {
    const TensorRequest& request = requireInput(name);
    requireContiguous(request, "input");
    requireBuffer(request, "input");
    const TensorId bound = addFloatInput(request).tensor;
    if (graph_.tensor(bound).type == DataType::f32)
        return bound;
    const TensorId floats = graph_.intermediate(name, DataType::f32, request.shape);
    ConvertDesc desc;
    desc.fromType = graph_.tensor(bound).type;
    desc.toType = DataType::f32;
    desc.channels = static_cast<uint32_t>(request.shape.back());
    desc.tokens = static_cast<uint32_t>(elementCount(request.shape) / desc.channels);
    Kernel kernel = convert(desc, device_);
    kernel.batched = false; // the first axis need not be the batch: masks broadcast
    graph_.add(name, kernel, {bound, floats});
    return floats;
}

TensorId PlanBuilder::inputTokens(std::string_view name, ChannelAxis channels, DataType type) {
    const TensorRequest& request = requireInput(name);
    if (channels == ChannelAxis::last)
        requireContiguous(request, "input");
    if (!request.images.empty())
        return readImages(request, channels, type);
    bool channelsLast = request.channelsLast;
    const TensorId bound = addFloatInput(request, channels == ChannelAxis::second ? &channelsLast : nullptr).tensor;
    const bool channelMajor = channels == ChannelAxis::second && !channelsLast;
    if (!channelMajor && graph_.tensor(bound).type == type)
        return bound;
    const TokenShape shape = tokenShape(request.shape, channels);
    const TensorId tokens = graph_.intermediate(name, type, {shape.batch, shape.tokens, shape.channels});
    convertTokens(name, bound, channelMajor, tokens, false, request.shape, channels);
    return tokens;
}

InputMap PlanBuilder::inputMap(std::string_view name) {
    const TensorRequest& request = requireInput(name);
    if (!request.images.empty() || request.type.value_or(DataType::f32) != storage())
        return {inputTokens(name, ChannelAxis::second), false};
    bool channelsLast = request.channelsLast;
    const TensorId bound = addFloatInput(request, &channelsLast).tensor;
    return {bound, !channelsLast};
}

TensorId PlanBuilder::asType(std::string_view label, TensorId tokens, DataType type) {
    if (graph_.tensor(tokens).type == type)
        return tokens;
    const Shape shape = graph_.tensor(tokens).shape;
    const TensorId converted = graph_.intermediate(label, type, shape);
    convertTokens(label, tokens, false, converted, false, shape, ChannelAxis::last);
    return converted;
}

TensorId PlanBuilder::inputBuffer(std::string_view name, DataType type) {
    const TensorRequest& request = requireInput(name);
    requireBuffer(request, "input");
    if (request.type.value_or(type) != type || request.channelsLast)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%.*s\" is of type %s%s, the module wants %s, contiguous",
                    clip(name), name.data(), dataTypeName(request.type.value_or(type)),
                    request.channelsLast ? ", channels last" : "", dataTypeName(type));
    PlanTensor& tensor = addTensor(request, false, type);
    return tensor.tensor = bindInput(name, type, request.shape, nullptr);
}

TensorId PlanBuilder::inputInteger(std::string_view name, int32_t min, int32_t max) {
    inputShape(name, 1);
    expectDimension(name, 0, 1, "one number");
    const TensorId number = inputBuffer(name, DataType::i32);
    tensors_.back().minValue = min;
    tensors_.back().maxValue = max;
    return number;
}

std::pmr::vector<int64_t> PlanBuilder::inputHostIntegers(std::string_view name) {
    const TensorRequest& request = requireInput(name);
    requireBuffer(request, "input");
    const DataType type = request.type.value_or(DataType::i32);
    requireContiguous(request, "input");
    requireHostData(request, type);
    addTensor(request, false, type).host = true;
    std::pmr::vector<int64_t> values(static_cast<size_t>(elementCount(request.shape)), memory_);
    const auto* bytes = static_cast<const std::byte*>(request.hostData); // of any alignment
    for (size_t i = 0; i < values.size(); ++i) {
        if (type == DataType::i64) {
            std::memcpy(&values[i], bytes + i * sizeof(int64_t), sizeof(int64_t));
            continue;
        }
        int32_t narrow;
        std::memcpy(&narrow, bytes + i * sizeof(int32_t), sizeof(int32_t));
        values[i] = narrow;
    }
    return values;
}

const TensorRequest* PlanBuilder::findOutput(std::string_view name) {
    noteAsked(request_.description.outputs, name, askedOutputs_);
    for (const TensorRequest& output : request_.outputs)
        if (output.name == name)
            return &output;
    return nullptr;
}

bool PlanBuilder::wantsOutput(std::string_view name) {
    const TensorRequest* asked = findOutput(name);
    return request_.outputs.empty() ? name == request_.description.outputs.front().name : asked != nullptr;
}

OutputTarget PlanBuilder::beginOutput(std::string_view name, const Shape& shape, ChannelAxis channels,
                                      bool canWriteChannelMajor) {
    const TensorRequest* asked = findOutput(name);
    TensorRequest request = asked ? *asked : TensorRequest{};
    request.name = name;
    request.shape = shape;
    if (!ownGraph_)
        request.channelsLast = channels == ChannelAxis::second && shape.size() > 2;
    if (channels == ChannelAxis::last)
        requireContiguous(request, "output");
    const DataType type = request.type.value_or(DataType::f32);
    if (!isFloatingPoint(type))
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "output \"%.*s\" is asked for as %s, it is FLOAT32 or FLOAT16",
                    clip(name), name.data(), dataTypeName(type));
    PlanTensor& tensor = addTensor(request, true, type);
    OutputTarget target;
    target.index = static_cast<uint32_t>(tensors_.size() - 1);
    target.axis = channels;
    const TokenShape tokens = tokenShape(shape, channels);
    if (!request.images.empty()) {
        checkImages(request, channels, "output");
        addImages(request, channels, tensor);
        target.tensor = activation(name, {tokens.batch, tokens.tokens, tokens.channels});
        return target;
    }
    tensor.tensor = bindOutput(name, type, shape);
    const bool channelMajor = channels == ChannelAxis::second && !request.channelsLast;
    if (type == request_.storage && (!channelMajor || canWriteChannelMajor)) {
        target.tensor = tensor.tensor;
        target.channelMajor = channelMajor;
        return target;
    }
    target.tensor = activation(name, {tokens.batch, tokens.tokens, tokens.channels});
    return target;
}

void PlanBuilder::endOutput(const OutputTarget& target) {
    const PlanTensor& tensor = tensors_[target.index];
    if (target.tensor == tensor.tensor)
        return;
    if (tensor.imageCount) {
        writeImages(*findOutput(tensor.name), target.axis, tensor, target.tensor);
        return;
    }
    const bool channelMajor = target.axis == ChannelAxis::second && !tensor.channelsLast;
    convertTokens(tensor.name, target.tensor, false, tensor.tensor, channelMajor, tensor.shape, target.axis);
}

TensorId PlanBuilder::outputBuffer(std::string_view name, DataType type, const Shape& shape) {
    const TensorRequest* asked = findOutput(name);
    TensorRequest request = asked ? *asked : TensorRequest{};
    request.name = name;
    requireBuffer(request, "output");
    if (request.type.value_or(type) != type || request.channelsLast)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "output \"%.*s\" is asked for as %s%s, it is %s, contiguous",
                    clip(name), name.data(), dataTypeName(request.type.value_or(type)),
                    request.channelsLast ? ", channels last" : "", dataTypeName(type));
    request.shape = shape;
    PlanTensor& tensor = addTensor(request, true, type);
    return tensor.tensor = bindOutput(name, type, shape);
}

void PlanBuilder::convertTokens(std::string_view label, TensorId from, bool fromChannelMajor, TensorId to,
                                bool toChannelMajor, const Shape& shape, ChannelAxis channels) {
    const TokenShape tokens = tokenShape(shape, channels);
    ConvertDesc desc;
    desc.fromType = graph_.tensor(from).type;
    desc.toType = graph_.tensor(to).type;
    desc.batch = static_cast<uint32_t>(tokens.batch);
    desc.tokens = static_cast<uint32_t>(tokens.tokens);
    desc.channels = static_cast<uint32_t>(tokens.channels);
    desc.from.channelMajor = fromChannelMajor;
    desc.to.channelMajor = toChannelMajor;
    graph_.add(label, convert(desc, device_), {from, to});
}

} // namespace saccade
