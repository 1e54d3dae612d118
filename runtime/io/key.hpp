// What a configuration may hold: the description of each key, which documents it and by which Config reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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
    any       ///< whatever it is, it changes nothing
};

/// What it means that a key is not there.
enum class Absent : uint8_t {
    refused,   ///< the key is required
    byDefault, ///< it counts as Key::byDefault
    allowed    ///< the key's meaning says what then holds
};

/// Made as a constant: Key::integer("heads", 1, 1024, "attention heads").orElse(8).
struct Key {
    const char* name = nullptr;
    KeyType type = KeyType::any;
    const char* meaning = nullptr;
    Absent absent = Absent::refused;
    double min = 0, max = 0;              ///< of numbers, and of each in a list
    double byDefault = 0;                 ///< the number; 0 or 1; the index in `choices`; each of count.max integers
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
    /// A key that is taken and changes nothing.
    static constexpr Key ignored(const char* name, const char* meaning) {
        return Key{name, KeyType::any, meaning}.optional();
    }

    constexpr Key orElse(double value) const {
        Key key = *this;
        key.absent = Absent::byDefault, key.byDefault = value;
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

} // namespace saccade
