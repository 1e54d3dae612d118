// SPDX-License-Identifier: Apache-2.0
#include "io/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace saccade {

namespace {

uint32_t checkedSize(std::size_t size) {
    if (size > std::numeric_limits<uint32_t>::max())
        throw Error(SAC_ERROR_INTERNAL, "JSON value of %zu elements exceeds 32 bits", size);
    return static_cast<uint32_t>(size);
}

template <class T>
T* allocateArray(std::pmr::memory_resource* memory, std::size_t count) {
    return static_cast<T*>(memory->allocate(count * sizeof(T), alignof(T)));
}

std::string_view copyText(std::string_view text, std::pmr::memory_resource* memory) {
    if (text.empty())
        return "";
    char* copy = allocateArray<char>(memory, text.size());
    std::copy(text.begin(), text.end(), copy);
    return {copy, text.size()};
}

JsonMember copyMember(const JsonMember& member, std::pmr::memory_resource* memory);

JsonValue copyValue(const JsonValue& value, std::pmr::memory_resource* memory) {
    switch (value.type()) {
    case JsonValue::Type::string:
        return JsonValue(copyText(value.asString(), memory));
    case JsonValue::Type::array: {
        const std::span<const JsonValue> items = value.items();
        auto* copy = allocateArray<JsonValue>(memory, items.size());
        for (std::size_t i = 0; i < items.size(); ++i)
            ::new (copy + i) JsonValue(copyValue(items[i], memory));
        return JsonValue(std::span<const JsonValue>(copy, items.size()));
    }
    case JsonValue::Type::object: {
        const std::span<const JsonMember> members = value.members();
        auto* copy = allocateArray<JsonMember>(memory, members.size());
        for (std::size_t i = 0; i < members.size(); ++i)
            ::new (copy + i) JsonMember(copyMember(members[i], memory));
        return JsonValue(std::span<const JsonMember>(copy, members.size()));
    }
    default:
        return value;
    }
}

JsonMember copyMember(const JsonMember& member, std::pmr::memory_resource* memory) {
    return {copyText(member.key, memory), copyValue(member.value, memory)};
}

} // namespace

JsonValue::JsonValue(std::string_view value)
    : type_(Type::string), size_(checkedSize(value.size())), text_(value.data()) {}

JsonValue::JsonValue(std::span<const JsonValue> items)
    : type_(Type::array), size_(checkedSize(items.size())), items_(items.data()) {}

JsonValue::JsonValue(std::span<const JsonMember> members)
    : type_(Type::object), size_(checkedSize(members.size())), members_(members.data()) {}

std::string_view JsonValue::asString() const {
    return isString() ? std::string_view(text_, size_) : std::string_view();
}

std::span<const JsonValue> JsonValue::items() const {
    return isArray() ? std::span<const JsonValue>(items_, size_) : std::span<const JsonValue>();
}

std::span<const JsonMember> JsonValue::members() const {
    return isObject() ? std::span<const JsonMember>(members_, size_) : std::span<const JsonMember>();
}

const JsonValue* JsonValue::find(std::string_view key) const {
    const std::span<const JsonMember> all = members();
    const auto place = std::lower_bound(all.begin(), all.end(), key,
                                        [](const JsonMember& member, std::string_view k) { return member.key < k; });
    return place != all.end() && place->key == key ? &place->value : nullptr;
}

JsonDocument mergeObjects(const JsonValue& base, const JsonValue& overriding, std::pmr::memory_resource* memory) {
    for (const JsonValue* value : {&base, &overriding})
        if (!value->isObject())
            throw Error(SAC_ERROR_INVALID_CONFIG, "config: %s is not an object", JsonSummary(*value).text());

    const std::span<const JsonMember> a = base.members();
    const std::span<const JsonMember> b = overriding.members();
    auto arena = makeUnique<JsonDocument::Arena>(memory, memory);
    auto* merged = allocateArray<JsonMember>(arena.get(), a.size() + b.size());
    std::size_t count = 0;
    for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
        const bool takeBase = j == b.size() || (i < a.size() && a[i].key < b[j].key);
        if (!takeBase && i < a.size() && a[i].key == b[j].key)
            ++i;
        ::new (merged + count++) JsonMember(copyMember(takeBase ? a[i++] : b[j++], arena.get()));
    }
    return JsonDocument(std::move(arena), JsonValue(std::span<const JsonMember>(merged, count)));
}

void appendJsonString(std::pmr::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            constexpr char digits[] = "0123456789abcdef";
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

JsonSummary::JsonSummary(const JsonValue& value) {
    constexpr std::size_t size = sizeof(text_);
    switch (value.type()) {
    case JsonValue::Type::null:
        std::snprintf(text_, size, "null");
        break;
    case JsonValue::Type::boolean:
        std::snprintf(text_, size, value.asBoolean() ? "true" : "false");
        break;
    case JsonValue::Type::integer:
        std::snprintf(text_, size, "%lld", wide(value.asInteger()));
        break;
    case JsonValue::Type::number: {
        // 4.0 keeps its fraction: the text has to show why it is no integer.
        const double number = value.asNumber();
        const bool whole = number == std::trunc(number) && std::fabs(number) < 1e15;
        std::snprintf(text_, size, whole ? "%.1f" : "%.9g", number);
        break;
    }
    case JsonValue::Type::string: {
        const std::string_view string = value.asString();
        const int length = clip(string, 64);
        const char* rest = static_cast<std::size_t>(length) < string.size() ? "..." : "";
        std::snprintf(text_, size, "\"%.*s%s\"", length, string.data(), rest);
        break;
    }
    case JsonValue::Type::array:
        std::snprintf(text_, size, "an array of length %zu", value.items().size());
        break;
    case JsonValue::Type::object:
        std::snprintf(text_, size, "an object");
        break;
    }
}

} // namespace saccade
