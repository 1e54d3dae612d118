// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259) as an immutable tree: configurations and headers of safetensors files.
//
// A JsonDocument owns all memory of its tree, taken from the resource it is given; JsonValue is a small view into it.
// The parser is the library's own because public ones keep buffers and error texts on the global heap, which an engine
// that hands in allocation callbacks does not allow.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/memory.hpp"

namespace saccade {

struct JsonMember;

/// One value of a document: 16 bytes, freely copied, valid while the document that owns it lives. An accessor for
/// another type than the value has returns nothing (false, 0, an empty view), so that reading wrongly typed input
/// cannot go astray.
class JsonValue {
public:
    enum class Type : uint8_t { null, boolean, integer, number, string, array, object };

    constexpr JsonValue() : integer_(0) {}
    /// A template: a pointer must not convert to bool.
    template <std::same_as<bool> Boolean>
    constexpr explicit JsonValue(Boolean value) : type_(Type::boolean), boolean_(value) {}
    constexpr explicit JsonValue(int64_t value) : type_(Type::integer), integer_(value) {}
    constexpr explicit JsonValue(double value) : type_(Type::number), number_(value) {}
    /// Views of the caller's memory, of fewer than 2^32 elements.
    explicit JsonValue(std::string_view value);
    explicit JsonValue(std::span<const JsonValue> items);
    /// `members` are sorted by key, no key twice.
    explicit JsonValue(std::span<const JsonMember> members);

    Type type() const { return type_; }
    bool isNull() const { return type_ == Type::null; }
    bool isBoolean() const { return type_ == Type::boolean; }
    bool isInteger() const { return type_ == Type::integer; }
    bool isNumber() const { return type_ == Type::number || type_ == Type::integer; }
    bool isString() const { return type_ == Type::string; }
    bool isArray() const { return type_ == Type::array; }
    bool isObject() const { return type_ == Type::object; }

    bool asBoolean() const { return isBoolean() && boolean_; }
    /// A number written without fraction and exponent.
    int64_t asInteger() const { return isInteger() ? integer_ : 0; }
    /// Either kind of number; finite.
    double asNumber() const { return type_ == Type::number ? number_ : static_cast<double>(asInteger()); }
    /// Well-formed UTF-8; may hold zeros.
    std::string_view asString() const;
    std::span<const JsonValue> items() const;
    /// Sorted by key (bytewise), no key twice.
    std::span<const JsonMember> members() const;
    /// The member of an object with this key, or null.
    const JsonValue* find(std::string_view key) const;

private:
    Type type_ = Type::null;
    uint32_t size_ = 0;
    union {
        bool boolean_;
        int64_t integer_;
        double number_;
        const char* text_;
        const JsonValue* items_;
        const JsonMember* members_;
    };
};

struct JsonMember {
    std::string_view key;
    JsonValue value;
};

/// Owner of a tree. Moving it leaves its values where they are.
class JsonDocument {
public:
    using Arena = std::pmr::monotonic_buffer_resource;

    /// `root` lies in `arena`.
    JsonDocument(UniquePtr<Arena> arena, JsonValue root) : arena_(std::move(arena)), root_(root) {}

    const JsonValue& root() const { return root_; }

private:
    UniquePtr<Arena> arena_;
    JsonValue root_;
};

/// How deeply arrays and objects may nest; what bounds the parser's own recursion.
inline constexpr int jsonDepthLimit = 64;

/// Where a value stands in a text.
struct JsonPlace {
    int depth;            ///< 0: the root
    std::string_view key; ///< of a member; empty in arrays
    std::size_t index;    ///< among its siblings
};

/// What a kind of text has beyond being JSON. Asked before a value is parsed, so that what does not belong there takes
/// no memory.
class JsonRules {
public:
    /// Throws for a value of `type` that may not stand there. A number is of Type::number, integer or not.
    virtual void check(const JsonPlace& place, JsonValue::Type type) = 0;

protected:
    ~JsonRules() = default;
};

/// Parses exactly one JSON text. Beyond the grammar it refuses, with Error(code, ...) naming `what`, the byte and the
/// rule: text that is not UTF-8, escapes that are half a surrogate pair, nesting beyond jsonDepthLimit, integers beyond
/// 64 bits, numbers beyond the range of a double (to either side), a key that appears twice in one object, and text of
/// 4 GiB or more. Takes at most 64 bytes of memory for each value of an array or object, beside its string.
JsonDocument parseJson(std::string_view text, std::pmr::memory_resource* memory,
                       SacResult code = SAC_ERROR_INVALID_CONFIG, const char* what = "config",
                       JsonRules* rules = nullptr);

/// The members of both objects; where both have a key, the value of `overriding` replaces that of `base` whole (a null
/// too, which a Config takes for an absent key). The result shares nothing with its sources. Throws Error
/// SAC_ERROR_INVALID_CONFIG where one is no object.
JsonDocument mergeObjects(const JsonValue& base, const JsonValue& overriding, std::pmr::memory_resource* memory);

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
void appendJsonString(std::pmr::string& out, std::string_view text);

/// A value in a few words for an error message, without heap: 12, "abc", an array of length 3.
class JsonSummary {
public:
    explicit JsonSummary(const JsonValue& value);
    const char* text() const { return text_; }

private:
    char text_[80];
};

} // namespace saccade
