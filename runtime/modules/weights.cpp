// SPDX-License-Identifier: Apache-2.0
#include "modules/weights.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/error.hpp"
#include "io/half.hpp"

namespace saccade {
namespace {

// Largest minStorageBufferOffsetAlignment Vulkan allows, so that the layout is the same on every device.
constexpr uint64_t weightAlignment = 256;

struct ShapeText {
    char text[128];
};

ShapeText format(std::span<const uint64_t> shape) {
    ShapeText out{"["};
    size_t used = 1;
    for (size_t i = 0; i < shape.size() && used < sizeof(out.text) - 24; ++i)
        used += static_cast<size_t>(
            std::snprintf(out.text + used, sizeof(out.text) - used, i ? ", %llu" : "%llu", wide(shape[i])));
    std::snprintf(out.text + used, sizeof(out.text) - used, "]");
    return out;
}

void copyPacked(std::span<const std::span<const float>> sources, std::span<const uint64_t>, std::span<float> packed) {
    std::copy(sources[0].begin(), sources[0].end(), packed.begin());
}

} // namespace

WeightSet::WeightSet(const Safetensors* file, std::string_view prefix, std::pmr::memory_resource* memory)
    : file_(file), prefix_(prefix, memory), scope_(memory), memory_(memory), sources_(memory), weights_(memory) {}

bool WeightSet::has(std::string_view name) const { return shapeOf(name) != nullptr; }

const TensorShape* WeightSet::shapeOf(std::string_view name) const {
    std::pmr::string full(prefix_, memory_);
    full += scope_;
    full += name;
    const TensorView* view = file_ ? file_->find(full) : nullptr;
    return view ? &view->shape : nullptr;
}

SourceId WeightSet::add(std::string_view name, const char* wanted) {
    Source source{std::pmr::string(prefix_, memory_), {}};
    source.name += scope_;
    source.name += name;
    const TensorView* view = file_ ? file_->find(source.name) : nullptr;
    if (!view)
        throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"%.*s\" of %s is missing", clip(source.name),
                    source.name.data(), wanted);
    source.view = *view;
    sources_.push_back(std::move(source));
    return static_cast<SourceId>(sources_.size() - 1);
}

SourceId WeightSet::source(std::string_view name, const Shape& shape) {
    char wanted[160];
    std::snprintf(wanted, sizeof(wanted), "shape %s", format(shape).text);
    const SourceId id = add(name, wanted);
    const Source& source = sources_[id];
    const TensorShape& found = source.view.shape;
    if (!std::equal(found.begin(), found.end(), shape.begin(), shape.end()))
        throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"%.*s\" has shape %s, the configuration wants %s",
                    clip(source.name), source.name.data(), format(found).text, format(shape).text);
    if (!isFloatingPoint(source.view.type))
        throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"%.*s\" has type %.*s, weights are F32, F16, BF16 or F64",
                    clip(source.name), source.name.data(), clip(source.view.typeName), source.view.typeName.data());
    read(id); // refuses what is not finite now rather than at upload
    return id;
}

SourceId WeightSet::integers(std::string_view name) {
    const SourceId id = add(name, "integers");
    const DataType type = sources_[id].view.type;
    if (type != DataType::boolean && type != DataType::u8 && type != DataType::i32 && type != DataType::i64)
        throw Error(SAC_ERROR_INVALID_WEIGHTS, "tensor \"%.*s\" has type %.*s, it must be BOOL, U8, I32 or I64",
                    clip(sources_[id].name), sources_[id].name.data(), clip(sources_[id].view.typeName),
                    sources_[id].view.typeName.data());
    return id;
}

std::pmr::vector<float> WeightSet::read(SourceId source) const {
    const TensorView& view = sources_[source].view;
    std::pmr::vector<float> values(static_cast<size_t>(view.elementCount()), memory_);
    if (isFloatingPoint(view.type)) {
        readFloats(view, values);
        return values;
    }
    const size_t size = dataTypeSize(view.type);
    for (size_t i = 0; i < values.size(); ++i) {
        int64_t value = 0; // little-endian: the low bytes come first
        std::memcpy(&value, view.data + i * size, size);
        values[i] = static_cast<float>(size == 4 ? static_cast<int32_t>(value) : value);
    }
    return values;
}

WeightId WeightSet::pack(std::string_view name, std::span<const SourceId> sources, uint64_t elements, Packer packer,
                         std::span<const uint64_t> parameters, WeightPrecision precision) {
    std::pmr::string full(scope_, memory_);
    full += name;
    if (float32_ && precision == WeightPrecision::storage)
        precision = WeightPrecision::float32;
    weights_.push_back({std::move(full), FixedVector<SourceId, 8>(sources), FixedVector<uint64_t, 8>(parameters),
                        elements, packer, precision, bytes_});
    for (const DataType storage : {DataType::f32, DataType::f16}) {
        const size_t size = dataTypeSize(precision == WeightPrecision::storage ? storage : DataType::f32);
        bytes_[storageIndex(storage)] += alignUp(elements * size, weightAlignment);
    }
    return static_cast<WeightId>(weights_.size() - 1);
}

WeightId WeightSet::raw(std::string_view name, const Shape& shape) {
    const SourceId id = source(name, shape);
    return pack(name, {&id, 1}, elementCount(shape), copyPacked, {}, WeightPrecision::float32);
}

WeightSet::Placed WeightSet::placed(WeightId id, DataType storage) const {
    const Weight& weight = weights_[id];
    const uint64_t offset = weight.offsets[storageIndex(storage)];
    if (weight.precision == WeightPrecision::bytes)
        return {weight.name, DataType::u8, weight.elements * 4, offset};
    const DataType type = weight.precision == WeightPrecision::storage ? storage : DataType::f32;
    return {weight.name, type, weight.elements, offset};
}

TensorId WeightSet::tensor(Graph& graph, WeightId id, DataType storage) const {
    const Placed weight = placed(id, storage);
    return graph.weight(weight.name, weight.type, weight.elements, weight.offset);
}

std::pmr::vector<float> WeightSet::packed(const Weight& weight) const {
    std::pmr::vector<std::pmr::vector<float>> values(memory_);
    std::pmr::vector<std::span<const float>> spans(memory_);
    values.reserve(weight.sources.size());
    for (const SourceId source : weight.sources) {
        values.push_back(read(source));
        spans.push_back(values.back());
    }
    std::pmr::vector<float> out(static_cast<size_t>(weight.elements), memory_);
    weight.packer(spans, weight.parameters, out);
    return out;
}

void WeightSet::write(DataType storage, uint64_t offset, std::span<std::byte> out) const {
    const size_t index = storageIndex(storage);
    const uint64_t end = offset + out.size();
    // From the last weight that begins at or before the first byte.
    auto weight = std::upper_bound(weights_.begin(), weights_.end(), offset,
                                   [&](uint64_t at, const Weight& w) { return at < w.offsets[index]; });
    if (weight != weights_.begin())
        --weight;
    for (; weight != weights_.end() && weight->offsets[index] < end; ++weight) {
        const bool halves = weight->precision == WeightPrecision::storage && storage == DataType::f16;
        const uint64_t first = weight->offsets[index];
        const uint64_t last = first + weight->elements * (halves ? sizeof(uint16_t) : sizeof(float));
        const uint64_t padded = weight + 1 == weights_.end() ? bytes_[index] : (weight + 1)->offsets[index];
        const uint64_t from = std::max(first, offset), to = std::min(last, end);
        if (from < to) {
            std::pmr::vector<float> values = packed(*weight);
            auto* bytes = reinterpret_cast<std::byte*>(values.data());
            // In place: a half is written below the floats that are still to be read.
            for (size_t i = 0; halves && i < values.size(); ++i) {
                const uint16_t half = floatToHalf(values[i]);
                std::memcpy(bytes + i * sizeof(half), &half, sizeof(half));
            }
            std::memcpy(out.data() + (from - offset), bytes + (from - first), static_cast<size_t>(to - from));
        }
        const uint64_t zeros = std::max(last, offset), zerosEnd = std::min(padded, end);
        if (zeros < zerosEnd)
            std::memset(out.data() + (zeros - offset), 0, static_cast<size_t>(zerosEnd - zeros));
    }
}

} // namespace saccade
