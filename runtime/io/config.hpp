// SPDX-License-Identifier: Apache-2.0
// Checked access to a configuration: a JSON object that holds the constructor arguments of a module, or its forward
// arguments.
//
// What there is to read, its ranges and defaults are a table of keys, which documents them too; a Config refuses
// anything else at once, so a misspelt key cannot pass for its default. Every getter names key, value and rule in what
// it throws, always Error SAC_ERROR_INVALID_CONFIG; a key that is not in the table, or is of another type there, is a
// defect of the library (SAC_ERROR_INTERNAL). A key whose value is null counts as absent, as None does in the Python
// the configurations come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/fixed_vector.hpp"
#include "io/json.hpp"

namespace saccade {

/// How many values a list may have, both ends included.
struct CountRange {
    std::size_t min = 0;
    std::size_t max = 0;
};

enum class KeyType : uint8_t {
    integer,  ///< a number written as an integer
    number,   ///< in any notation
    boolean,  ///< true or false
    choice,   ///< one of the strings in `choices`
    integers, ///< a list of integers
    json,     ///< any value, which the module checks itself
    any       ///< whatever it is, it changes nothing
};

/// What it means that a key is not there.
enum class Absent : uint8_t {
    refused,     ///< the key is required
    usesDefault, ///< it counts as Key::defaultValue
    allowed      ///< the key's meaning says what then holds
};

/// Made as a constant: Key::integer("heads", 1, 1024, "attention heads").orElse(8).
struct Key {
    const char* name = nullptr;
    KeyType type = KeyType::any;
    const char* meaning = nullptr;
    Absent absent = Absent::refused;
    double min = 0, max = 0;              ///< of numbers, and of each in a list
    double defaultValue = 0;              ///< the number; 0 or 1; the index in `choices`; each of count.max integers
    CountRange count;                     ///< of integers
    bool broadcast = false;               ///< one number may stand for a list of count.max equal ones
    std::span<const char* const> choices; ///< outlive the key

    static constexpr Key integer(const char* name, double min, double max, const char* meaning) {
        Key key{name, KeyType::integer, meaning};
        key.min = min, key.max = max;
        return key;
    }
    static constexpr Key number(const char* name, double min, double max, const char* meaning) {
        Key key{name, KeyType::number, meaning};
        key.min = min, key.max = max;
        return key;
    }
    static constexpr Key boolean(const char* name, const char* meaning) { return {name, KeyType::boolean, meaning}; }
    static constexpr Key choice(const char* name, std::span<const char* const> choices, const char* meaning) {
        Key key{name, KeyType::choice, meaning};
        key.choices = choices;
        return key;
    }
    static constexpr Key integers(const char* name, CountRange count, double min, double max, const char* meaning) {
        Key key{name, KeyType::integers, meaning};
        key.count = count, key.min = min, key.max = max;
        return key;
    }
    static constexpr Key json(const char* name, const char* meaning) { return {name, KeyType::json, meaning}; }
    /// A key that is taken and changes nothing.
    static constexpr Key ignored(const char* name, const char* meaning) {
        return Key{name, KeyType::any, meaning}.optional();
    }

    constexpr Key orElse(double value) const {
        Key key = *this;
        key.absent = Absent::usesDefault, key.defaultValue = value;
        return key;
    }
    constexpr Key optional() const {
        Key key = *this;
        key.absent = Absent::allowed;
        return key;
    }
    constexpr Key orOneNumber() const {
        Key key = *this;
        key.broadcast = true;
        return key;
    }
};

/// The keys of an object and what messages call it; `elsewhere` are the keys of another object, which are hinted at.
struct KeyTable {
    const char* title; ///< "config", "option"
    std::span<const Key> keys;
    const char* elsewhere = nullptr; ///< "an option of the plan (info->options)"
    std::span<const Key> otherKeys;
};

class Config {
public:
    static constexpr std::size_t maxIntegers = 64;
    using Integers = FixedVector<int64_t, maxIntegers>;

    /// `object` must outlive this, as must the document that holds it, and the tables. Throws where it is no object or
    /// has a key that is not in the table.
    Config(const JsonValue& object, const KeyTable& table, std::pmr::memory_resource* memory);

    Config(const Config&) = delete;
    Config& operator=(const Config&) = delete;

    /// Whether the key has a value.
    bool has(std::string_view key);

    // The value, or the key's default. Throw where it is required and missing, of another type or out of its range.
    int64_t integer(std::string_view key);
    /// integer() of a key whose range lies within 0 and 2^32 - 1.
    uint32_t uint32(std::string_view key) { return static_cast<uint32_t>(integer(key)); }
    double number(std::string_view key);
    bool boolean(std::string_view key);
    /// The index in the key's choices.
    std::size_t choice(std::string_view key);
    Integers integers(std::string_view key);
    /// Lives as long as the object; null where it is absent.
    const JsonValue* json(std::string_view key);

    /// For keys that may be absent without a default. Those of integers() are empty then.
    std::optional<int64_t> optionalInteger(std::string_view key);
    std::optional<std::size_t> optionalChoice(std::string_view key);

    /// Whether a getter has asked for each key of the table.
    const std::pmr::vector<bool>& asked() const { return asked_; }

private:
    struct Entry {
        const Key* key;
        const JsonValue* value; ///< null where it is absent
    };
    Entry find(std::string_view key);
    Entry find(std::string_view key, KeyType type);

    JsonValue object_;
    KeyTable table_;
    std::pmr::vector<bool> asked_;
};

} // namespace saccade
