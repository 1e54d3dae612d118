// Checked access to a configuration: the JSON object that holds the constructor arguments of a module.
//
// Every getter names key, value and rule in what it throws, always Error SAC_ERROR_INVALID_CONFIG. A key whose value is
// null counts as absent, as None does in the Python the configurations come from. finish() refuses keys no getter has
// asked for, so a misspelt option cannot pass for its default.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fixed_vector.hpp"
#include "io/json.hpp"

namespace saccade {

/// How many values a list may have, both ends included; at most Config::maxIntegers.
struct CountRange {
    std::size_t min = 0;
    std::size_t max = 0;
};

/// Whether one number may stand for a list of CountRange::max equal ones, as PyTorch's tuple arguments allow.
enum class Scalar : uint8_t { refuse, broadcast };

class Config {
public:
    static constexpr std::size_t maxIntegers = 64;
    using Integers = FixedVector<int64_t, maxIntegers>;

    /// `object` must outlive this, as must the document that holds it. Throws where it is no object.
    Config(const JsonValue& object, std::pmr::memory_resource* memory);

    Config(const Config&) = delete;
    Config& operator=(const Config&) = delete;

    /// Whether the key has a value; counts as asking for it.
    bool has(std::string_view key);

    /// A number from min to max written as an integer. Without a default the key is required; a default is not checked.
    int64_t integer(std::string_view key, int64_t min, int64_t max);
    int64_t integer(std::string_view key, int64_t min, int64_t max, int64_t byDefault);
    std::optional<int64_t> optionalInteger(std::string_view key, int64_t min, int64_t max);

    /// A number from min to max in any notation.
    double number(std::string_view key, double min, double max);
    double number(std::string_view key, double min, double max, double byDefault);

    bool boolean(std::string_view key);
    bool boolean(std::string_view key, bool byDefault);

    /// The index in `choices` of the string the key holds.
    std::size_t choice(std::string_view key, std::initializer_list<std::string_view> choices);
    std::size_t choice(std::string_view key, std::initializer_list<std::string_view> choices, std::size_t byDefault);

    /// A list of integers from min to max.
    Integers integers(std::string_view key, CountRange count, int64_t min, int64_t max, Scalar scalar = Scalar::refuse);
    Integers integers(std::string_view key, CountRange count, int64_t min, int64_t max, Scalar scalar,
                      const Integers& byDefault);

    /// Throws where the object has a key nobody asked for, naming it and the known ones. Call it after all getters.
    void finish() const;

private:
    /// The value of a key, or null where it is absent; notes that it was asked for.
    const JsonValue* lookUp(std::string_view key);
    const JsonValue& require(std::string_view key, const char* wanted);

    JsonValue object_;
    std::pmr::vector<std::pmr::string> known_;
};

} // namespace saccade
