// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.hpp"

namespace saccade {

namespace {

constexpr uint64_t lengthBytes = 8;

std::string_view headerText(std::span<const std::byte> file, uint64_t limit) {
    if (file.size() < lengthBytes)
        throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: %zu bytes, fewer than the 8 of the header's length",
                    file.size());
    uint64_t length = 0;
    std::memcpy(&length, file.data(), lengthBytes);
    if (length > limit)
        throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: header of %" PRIu64 " bytes exceeds the limit of %" PRIu64,
                    length, limit);
    if (length > file.size() - lengthBytes)
        throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: header of %" PRIu64 " bytes in a file of %zu", length,
                    file.size());
    const std::string_view text(reinterpret_cast<const char*>(file.data()) + lengthBytes,
                                static_cast<std::size_t>(length));
    if (!text.starts_with('{'))
        throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: the header does not begin with '{'");
    return text;
}

/// Bits of an element; 0 for a type whose size is not known.
uint64_t typeBits(DataType type, std::string_view name) {
    if (type != DataType::opaque)
        return 8 * dataTypeSize(type);
    // Upstream's further types.
    constexpr struct {
        std::string_view name;
        uint64_t bits;
    } opaqueTypes[] = {{"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6},
                       {"F6_E3M2", 6}, {"F4", 4},      {"C64", 64}};
    for (const auto& known : opaqueTypes)
        if (known.name == name)
            return known.bits;
    return 0;
}

/// A header is an object of objects: metadata holds strings, the entry of a tensor a few values, none deeper than a
/// list of dimensions. A few values that are not so pass, for the reader to say what is wrong with them; a flood does
/// not.
class HeaderRules final : public JsonRules {
public:
    void check(const JsonPlace& place, JsonValue::Type type) override {
        if (belongs(place, type) || ++strangers_ <= maxStrangers)
            return;
        throw Error(SAC_ERROR_MALFORMED_FILE,
                    "safetensors header: more than %u values that no header has, the last one for \"%.*s\"",
                    maxStrangers, clip(entry_), entry_.data());
    }

private:
    static constexpr std::size_t maxEntryMembers = 16; // three are known, others are passed over
    static constexpr uint32_t maxStrangers = 64;

    bool belongs(const JsonPlace& place, JsonValue::Type type) {
        using Type = JsonValue::Type;
        switch (place.depth) {
        case 0:
            return type == Type::object;
        case 1:
            entry_ = place.key;
            inMetadata_ = entry_ == safetensorsMetadataKey;
            return type == Type::object || (inMetadata_ && type == Type::null);
        case 2:
            return inMetadata_ ? type == Type::string : type != Type::object && place.index < maxEntryMembers;
        default:
            return type == Type::number && place.index < maxTensorRank;
        }
    }

    std::string_view entry_ = ""; // in the document's arena
    bool inMetadata_ = false;
    uint32_t strangers_ = 0;
};

JsonDocument parseHeader(std::string_view text, std::pmr::memory_resource* memory) {
    HeaderRules rules;
    return parseJson(text, memory, SAC_ERROR_MALFORMED_FILE, "safetensors header", &rules);
}

/// Reads the entry of one tensor. Positions are checked against the data's size here, against each other by the caller.
class EntryReader {
public:
    EntryReader(const JsonMember& entry, std::span<const std::byte> data)
        : name_(entry.key), value_(entry.value), data_(data) {}

    TensorView read() const {
        if (!value_.isObject())
            fail("%s is not an object", JsonSummary(value_).text());
        TensorView view;
        view.name = name_;
        readType(view);
        const std::optional<uint64_t> wanted = readShape(view);
        const auto [begin, end] = readOffsets();
        if (wanted && end - begin != *wanted)
            fail("data_offsets hold %" PRIu64 " bytes where shape and dtype need %" PRIu64, end - begin, *wanted);
        view.data = data_.data() + begin;
        view.bytes = end - begin;
        return view;
    }

private:
    [[noreturn]] SACCADE_PRINTF(2, 3) void fail(const char* format, ...) const {
        char rule[256];
        std::va_list arguments;
        va_start(arguments, format);
        std::vsnprintf(rule, sizeof(rule), format, arguments);
        va_end(arguments);
        throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: tensor \"%.*s\": %s", clip(name_), name_.data(), rule);
    }

    const JsonValue& field(const char* key) const {
        const JsonValue* value = value_.find(key);
        if (!value)
            fail("\"%s\" is missing", key);
        return *value;
    }

    void readType(TensorView& view) const {
        const JsonValue& value = field("dtype");
        if (!value.isString())
            fail("dtype %s is not a string", JsonSummary(value).text());
        view.typeName = value.asString();
        view.type = parseDataType(view.typeName).value_or(DataType::opaque);
    }

    /// Fills view.shape and returns the bytes it takes; nothing for a type whose size is not known.
    std::optional<uint64_t> readShape(TensorView& view) const {
        const JsonValue& value = field("shape");
        if (!value.isArray())
            fail("shape %s is not an array", JsonSummary(value).text());
        if (value.items().size() > maxTensorRank)
            fail("shape has %zu dimensions, more than %zu", value.items().size(), maxTensorRank);
        const uint64_t elementBits = typeBits(view.type, view.typeName);
        uint64_t bits = std::max(elementBits, uint64_t{1}); // an unknown size counts elements, which shall not overflow
        for (const JsonValue& item : value.items()) {
            if (!item.isInteger() || item.asInteger() < 0)
                fail("dimension %s of the shape is not a non-negative integer", JsonSummary(item).text());
            const auto size = static_cast<uint64_t>(item.asInteger());
            if (size != 0 && bits > std::numeric_limits<uint64_t>::max() / size)
                fail("the size of the shape overflows 64 bits");
            bits *= size;
            view.shape.push_back(size);
        }
        if (bits % 8 && elementBits)
            fail("the shape takes %" PRIu64 " bits, which are no whole bytes", bits);
        return elementBits ? std::optional(bits / 8) : std::nullopt;
    }

    std::pair<uint64_t, uint64_t> readOffsets() const {
        const JsonValue& value = field("data_offsets");
        const std::span<const JsonValue> items = value.items();
        if (items.size() != 2)
            fail("data_offsets %s are not two integers", JsonSummary(value).text());
        for (const JsonValue& item : items)
            if (!item.isInteger() || item.asInteger() < 0)
                fail("data offset %s is not a non-negative integer", JsonSummary(item).text());
        const auto begin = static_cast<uint64_t>(items[0].asInteger());
        const auto end = static_cast<uint64_t>(items[1].asInteger());
        if (begin > end)
            fail("data_offsets begin at %" PRIu64 ", after their end %" PRIu64, begin, end);
        if (end > data_.size())
            fail("data_offsets end at %" PRIu64 ", beyond the %zu bytes of data", end, data_.size());
        return {begin, end};
    }

    std::string_view name_;
    JsonValue value_;
    std::span<const std::byte> data_;
};

JsonValue checkedMetadata(const JsonValue& header) {
    const JsonValue* metadata = header.find(safetensorsMetadataKey);
    if (!metadata || metadata->isNull())
        return JsonValue();
    if (!metadata->isObject())
        throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: __metadata__: %s is not an object",
                    JsonSummary(*metadata).text());
    for (const JsonMember& member : metadata->members())
        if (!member.value.isString())
            throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: __metadata__ \"%.*s\": %s is not a string",
                        clip(member.key), member.key.data(), JsonSummary(member.value).text());
    return *metadata;
}

} // namespace

Safetensors::Safetensors(std::span<const std::byte> file, std::pmr::memory_resource* memory, uint64_t headerLimit)
    : header_(parseHeader(headerText(file, headerLimit), memory)), metadata_(checkedMetadata(header_.root())),
      tensors_(memory) {
    const std::span<const std::byte> data = file.subspan(lengthBytes + headerText(file, headerLimit).size());
    const std::span<const JsonMember> entries = header_.root().members();
    // Checked before there is room for all: an empty entry takes a tenth of the bytes of one that describes a tensor.
    for (const JsonMember& entry : entries)
        if (entry.key != safetensorsMetadataKey)
            EntryReader(entry, data).read();
    tensors_.reserve(entries.size());
    for (const JsonMember& entry : entries)
        if (entry.key != safetensorsMetadataKey)
            tensors_.push_back(EntryReader(entry, data).read());
    checkLayout(data.size(), data.data(), memory);
}

void Safetensors::checkLayout(uint64_t dataBytes, const std::byte* data, std::pmr::memory_resource* memory) const {
    std::pmr::vector<const TensorView*> byOffset(memory);
    byOffset.reserve(tensors_.size());
    for (const TensorView& tensor : tensors_)
        byOffset.push_back(&tensor);
    // Of tensors that begin at one place the empty ones come first: they overlap nothing.
    std::sort(byOffset.begin(), byOffset.end(), [](const TensorView* a, const TensorView* b) {
        return a->data != b->data ? a->data < b->data : a->bytes < b->bytes;
    });

    uint64_t covered = 0;
    for (const TensorView* tensor : byOffset) {
        const auto begin = static_cast<uint64_t>(tensor->data - data);
        if (begin != covered)
            throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: tensor \"%.*s\": begins at byte %" PRIu64 "%s %" PRIu64,
                        clip(tensor->name), tensor->name.data(), begin,
                        begin < covered ? ", inside the tensor that ends at" : ", leaving a gap after byte", covered);
        covered += tensor->bytes;
    }
    if (covered != dataBytes)
        throw Error(SAC_ERROR_MALFORMED_FILE, "safetensors: %" PRIu64 " bytes of data where the tensors take %" PRIu64,
                    dataBytes, covered);
}

const TensorView* Safetensors::find(std::string_view name) const {
    const auto place = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                        [](const TensorView& tensor, std::string_view n) { return tensor.name < n; });
    return place != tensors_.end() && place->name == name ? &*place : nullptr;
}

std::optional<std::string_view> Safetensors::metadata(std::string_view key) const {
    const JsonValue* value = metadata_.find(key);
    return value ? std::optional(value->asString()) : std::nullopt;
}

} // namespace saccade
