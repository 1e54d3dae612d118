// SPDX-License-Identifier: Apache-2.0
#include "io/config.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "base/text.hpp"

namespace saccade {
namespace {

[[noreturn]] void refuse(const char* title, const Key& key, const JsonValue& value, const char* rule) {
    throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%s\": %s %s", title, key.name, JsonSummary(value).text(), rule);
}

int64_t toInteger(const char* title, const Key& key, const JsonValue& value) {
    if (!value.isInteger())
        refuse(title, key, value, "is not an integer");
    const auto min = static_cast<int64_t>(key.min), max = static_cast<int64_t>(key.max);
    if (value.asInteger() < min || value.asInteger() > max)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%s\": %lld is not within %lld to %lld", title, key.name,
                    wide(value.asInteger()), wide(min), wide(max));
    return value.asInteger();
}

double toNumber(const char* title, const Key& key, const JsonValue& value) {
    if (!value.isNumber())
        refuse(title, key, value, "is not a number");
    if (!(value.asNumber() >= key.min && value.asNumber() <= key.max))
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%s\": %s is not within %.9g to %.9g", title, key.name,
                    JsonSummary(value).text(), key.min, key.max);
    return value.asNumber();
}

bool toBoolean(const char* title, const Key& key, const JsonValue& value) {
    if (!value.isBoolean())
        refuse(title, key, value, "is not true or false");
    return value.asBoolean();
}

std::size_t toChoice(const char* title, const Key& key, const JsonValue& value) {
    for (std::size_t i = 0; i < key.choices.size(); ++i)
        if (value.isString() && value.asString() == key.choices[i])
            return i;
    NameList list;
    for (const char* choice : key.choices)
        list.add(choice);
    throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%s\": %s is none of %s", title, key.name, JsonSummary(value).text(),
                list.text());
}

Config::Integers toIntegers(const char* title, const Key& key, const JsonValue& value) {
    const CountRange count{key.count.min, std::min(key.count.max, Config::maxIntegers)};
    Config::Integers integers;
    if (key.broadcast && !value.isArray()) {
        integers.resize(count.max, toInteger(title, key, value));
        return integers;
    }
    if (!value.isArray())
        refuse(title, key, value, "is not an array of integers");
    if (value.items().size() < count.min || value.items().size() > count.max) {
        char wanted[48];
        if (count.min == count.max)
            std::snprintf(wanted, sizeof(wanted), "%zu", count.max);
        else
            std::snprintf(wanted, sizeof(wanted), "%zu to %zu", count.min, count.max);
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%s\": %s where %s integers are wanted", title, key.name,
                    JsonSummary(value).text(), wanted);
    }
    for (const JsonValue& item : value.items())
        integers.push_back(toInteger(title, key, item));
    return integers;
}

const char* typeText(KeyType type) {
    switch (type) {
    case KeyType::integer:
        return "an integer";
    case KeyType::number:
        return "a number";
    case KeyType::boolean:
        return "true or false";
    case KeyType::choice:
        return "a string";
    case KeyType::integers:
        return "an array of integers";
    case KeyType::json:
    case KeyType::any:
        break;
    }
    return "a value";
}

std::size_t indexOf(std::span<const Key> keys, std::string_view name) {
    return static_cast<std::size_t>(
        std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return name == key.name; }) - keys.begin());
}

void refuseUnknown(const JsonValue& object, const KeyTable& table) {
    for (const JsonMember& member : object.members()) {
        if (indexOf(table.keys, member.key) < table.keys.size())
            continue;
        if (indexOf(table.otherKeys, member.key) < table.otherKeys.size())
            throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%.*s\": unknown here, it is %s; there are %s", table.title,
                        clip(member.key), member.key.data(), table.elsewhere, namesOf(table.keys).text());
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%.*s\": unknown; there are %s", table.title, clip(member.key),
                    member.key.data(), namesOf(table.keys).text());
    }
}

} // namespace

Config::Config(const JsonValue& object, const KeyTable& table, std::pmr::memory_resource* memory)
    : object_(object), table_(table), asked_(table.keys.size(), false, memory) {
    if (!object.isObject())
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s: %s is not an object", table.title, JsonSummary(object).text());
    refuseUnknown(object, table);
}

Config::Entry Config::find(std::string_view key) {
    const std::size_t index = indexOf(table_.keys, key);
    if (index == table_.keys.size())
        throw Error(SAC_ERROR_INTERNAL, "%s \"%.*s\" is read, but not described", table_.title, clip(key), key.data());
    asked_[index] = true;
    const JsonValue* value = object_.find(key);
    return {&table_.keys[index], value && !value->isNull() ? value : nullptr};
}

Config::Entry Config::find(std::string_view key, KeyType type) {
    const Entry entry = find(key);
    if (entry.key->type != type)
        throw Error(SAC_ERROR_INTERNAL, "%s \"%.*s\" is read as %s, but described as %s", table_.title, clip(key),
                    key.data(), typeText(type), typeText(entry.key->type));
    if (!entry.value && entry.key->absent == Absent::refused)
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s \"%s\": %s is required", table_.title, entry.key->name,
                    typeText(type));
    return entry;
}

bool Config::has(std::string_view key) { return find(key).value != nullptr; }

int64_t Config::integer(std::string_view key) {
    const Entry entry = find(key, KeyType::integer);
    return entry.value ? toInteger(table_.title, *entry.key, *entry.value)
                       : static_cast<int64_t>(entry.key->defaultValue);
}

double Config::number(std::string_view key) {
    const Entry entry = find(key, KeyType::number);
    return entry.value ? toNumber(table_.title, *entry.key, *entry.value) : entry.key->defaultValue;
}

bool Config::boolean(std::string_view key) {
    const Entry entry = find(key, KeyType::boolean);
    return entry.value ? toBoolean(table_.title, *entry.key, *entry.value) : entry.key->defaultValue != 0;
}

std::size_t Config::choice(std::string_view key) {
    const Entry entry = find(key, KeyType::choice);
    return entry.value ? toChoice(table_.title, *entry.key, *entry.value)
                       : static_cast<std::size_t>(entry.key->defaultValue);
}

Config::Integers Config::integers(std::string_view key) {
    const Entry entry = find(key, KeyType::integers);
    if (entry.value)
        return toIntegers(table_.title, *entry.key, *entry.value);
    Integers integers;
    if (entry.key->absent == Absent::usesDefault)
        integers.resize(entry.key->count.max, static_cast<int64_t>(entry.key->defaultValue));
    return integers;
}

const JsonValue* Config::json(std::string_view key) { return find(key, KeyType::json).value; }

std::optional<int64_t> Config::optionalInteger(std::string_view key) {
    return has(key) ? std::optional(integer(key)) : std::nullopt;
}

std::optional<std::size_t> Config::optionalChoice(std::string_view key) {
    return has(key) ? std::optional(choice(key)) : std::nullopt;
}

} // namespace saccade
