#include "io/config.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"

namespace saccade {

namespace {

[[noreturn]] void refuse(std::string_view key, const JsonValue& value, const char* rule) {
    throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%.*s\": %s %s", clip(key), key.data(), JsonSummary(value).text(),
                rule);
}

int64_t toInteger(std::string_view key, const JsonValue& value, int64_t min, int64_t max) {
    if (!value.isInteger())
        refuse(key, value, "is not an integer");
    if (value.asInteger() < min || value.asInteger() > max)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%.*s\": %lld is not within %lld to %lld", clip(key), key.data(),
                    static_cast<long long>(value.asInteger()), static_cast<long long>(min),
                    static_cast<long long>(max));
    return value.asInteger();
}

double toNumber(std::string_view key, const JsonValue& value, double min, double max) {
    if (!value.isNumber())
        refuse(key, value, "is not a number");
    if (!(value.asNumber() >= min && value.asNumber() <= max))
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%.*s\": %s is not within %.9g to %.9g", clip(key), key.data(),
                    JsonSummary(value).text(), min, max);
    return value.asNumber();
}

bool toBoolean(std::string_view key, const JsonValue& value) {
    if (!value.isBoolean())
        refuse(key, value, "is not true or false");
    return value.asBoolean();
}

/// A list of words for a message: "a", "b", ... as far as they fit.
template <class Words>
void printList(char (&out)[320], const Words& words) {
    std::size_t length = 0;
    out[0] = '\0';
    for (std::string_view word : words) {
        const char* comma = length == 0 ? "" : ", ";
        const int written =
            std::snprintf(out + length, sizeof(out) - 4 - length, "%s\"%.*s\"", comma, clip(word, 64), word.data());
        if (written < 0 || length + static_cast<std::size_t>(written) >= sizeof(out) - 4) {
            std::snprintf(out + length, sizeof(out) - length, "...");
            return;
        }
        length += static_cast<std::size_t>(written);
    }
}

std::size_t toChoice(std::string_view key, const JsonValue& value, std::initializer_list<std::string_view> choices) {
    const auto* place = value.isString() ? std::find(choices.begin(), choices.end(), value.asString()) : choices.end();
    if (place == choices.end()) {
        char list[320];
        printList(list, choices);
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%.*s\": %s is none of %s", clip(key), key.data(),
                    JsonSummary(value).text(), list);
    }
    return static_cast<std::size_t>(place - choices.begin());
}

Config::Integers toIntegers(std::string_view key, const JsonValue& value, CountRange count, int64_t min, int64_t max,
                            Scalar scalar) {
    count.max = std::min(count.max, Config::maxIntegers);
    Config::Integers integers;
    if (scalar == Scalar::broadcast && !value.isArray()) {
        integers.resize(count.max, toInteger(key, value, min, max));
        return integers;
    }
    if (!value.isArray())
        refuse(key, value, "is not an array of integers");
    if (value.items().size() < count.min || value.items().size() > count.max) {
        char wanted[48];
        if (count.min == count.max)
            std::snprintf(wanted, sizeof(wanted), "%zu", count.max);
        else
            std::snprintf(wanted, sizeof(wanted), "%zu to %zu", count.min, count.max);
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%.*s\": %s where %s integers are wanted", clip(key), key.data(),
                    JsonSummary(value).text(), wanted);
    }
    for (const JsonValue& item : value.items())
        integers.push_back(toInteger(key, item, min, max));
    return integers;
}

} // namespace

Config::Config(const JsonValue& object, std::pmr::memory_resource* memory) : object_(object), known_(memory) {
    if (!object.isObject())
        throw Error(SAC_ERROR_INVALID_CONFIG, "config: %s is not an object", JsonSummary(object).text());
}

const JsonValue* Config::lookUp(std::string_view key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
        known_.emplace_back(key);
    const JsonValue* value = object_.find(key);
    return value && !value->isNull() ? value : nullptr;
}

const JsonValue& Config::require(std::string_view key, const char* wanted) {
    const JsonValue* value = lookUp(key);
    if (!value)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%.*s\": %s is required", clip(key), key.data(), wanted);
    return *value;
}

bool Config::has(std::string_view key) { return lookUp(key) != nullptr; }

int64_t Config::integer(std::string_view key, int64_t min, int64_t max) {
    return toInteger(key, require(key, "an integer"), min, max);
}

int64_t Config::integer(std::string_view key, int64_t min, int64_t max, int64_t byDefault) {
    return optionalInteger(key, min, max).value_or(byDefault);
}

std::optional<int64_t> Config::optionalInteger(std::string_view key, int64_t min, int64_t max) {
    const JsonValue* value = lookUp(key);
    return value ? std::optional(toInteger(key, *value, min, max)) : std::nullopt;
}

double Config::number(std::string_view key, double min, double max) {
    return toNumber(key, require(key, "a number"), min, max);
}

double Config::number(std::string_view key, double min, double max, double byDefault) {
    const JsonValue* value = lookUp(key);
    return value ? toNumber(key, *value, min, max) : byDefault;
}

bool Config::boolean(std::string_view key) { return toBoolean(key, require(key, "true or false")); }

bool Config::boolean(std::string_view key, bool byDefault) {
    const JsonValue* value = lookUp(key);
    return value ? toBoolean(key, *value) : byDefault;
}

std::size_t Config::choice(std::string_view key, std::initializer_list<std::string_view> choices) {
    return toChoice(key, require(key, "a string"), choices);
}

std::size_t Config::choice(std::string_view key, std::initializer_list<std::string_view> choices,
                           std::size_t byDefault) {
    const JsonValue* value = lookUp(key);
    return value ? toChoice(key, *value, choices) : byDefault;
}

Config::Integers Config::integers(std::string_view key, CountRange count, int64_t min, int64_t max, Scalar scalar) {
    return toIntegers(key, require(key, "an array of integers"), count, min, max, scalar);
}

Config::Integers Config::integers(std::string_view key, CountRange count, int64_t min, int64_t max, Scalar scalar,
                                  const Integers& byDefault) {
    const JsonValue* value = lookUp(key);
    return value ? toIntegers(key, *value, count, min, max, scalar) : byDefault;
}

void Config::finish() const {
    for (const JsonMember& member : object_.members()) {
        if (std::find(known_.begin(), known_.end(), member.key) != known_.end())
            continue;
        char list[320];
        printList(list, known_);
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%.*s\": unknown key; known are %s", clip(member.key),
                    member.key.data(), list);
    }
}

} // namespace saccade
