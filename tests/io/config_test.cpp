// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "expect_error.hpp"
#include "io/config.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

constexpr const char* orders[] = {"reference", "xyz"};
constexpr const char* meaning = "for the test";

/// Runs `action(config)` on a configuration given as text, which may have `keys`.
template <class Action>
auto with(std::initializer_list<Key> keys, std::string_view text, Action action) {
    TestMemory memory;
    const JsonDocument document = parseJson(text, &memory);
    Config config(document.root(), {"config", keys}, &memory);
    return action(config);
}

template <class Action>
void refused(std::initializer_list<Key> keys, std::string_view text, std::initializer_list<std::string_view> parts,
             Action action, SacResult result = SAC_ERROR_INVALID_CONFIG) {
    SCOPED_TRACE(std::string(text));
    expectError(result, parts, [&] { with(keys, text, action); });
}

TEST(Config, integers) {
    const auto heads = [](Config& c) { return c.integer("heads"); };
    const std::initializer_list<Key> required = {Key::integer("heads", 1, 1024, meaning)};
    const std::initializer_list<Key> defaulted = {Key::integer("heads", 1, 1024, meaning).orElse(8)};
    EXPECT_EQ(with(required, R"({"heads": 1})", heads), 1);
    EXPECT_EQ(with(required, R"({"heads": 1024})", heads), 1024);
    EXPECT_EQ(with(defaulted, "{}", heads), 8);
    EXPECT_EQ(with(defaulted, R"({"heads": null})", heads), 8);
    EXPECT_EQ(with(defaulted, R"({"heads": 2})", heads), 2);
    refused(required, "{}", {"\"heads\"", "an integer is required"}, heads);
    refused(required, R"({"heads": null})", {"\"heads\"", "required"}, heads);
    refused(required, R"({"heads": 0})", {"\"heads\"", "0 is not within 1 to 1024"}, heads);
    refused(defaulted, R"({"heads": 1025})", {"1025 is not within 1 to 1024"}, heads);
    refused(required, R"({"heads": 4.0})", {"4.0 is not an integer"}, heads);
    refused(required, R"({"heads": "four"})", {"\"four\" is not an integer"}, heads);
    refused(defaulted, R"({"heads": true})", {"true is not an integer"}, heads);
    refused(required, R"({"heads": [4]})", {"an array of length 1 is not an integer"}, heads);
    refused(required, R"({"heads": -9223372036854775808})", {"-9223372036854775808 is not within"}, heads);

    const auto optional = [](Config& c) { return c.optionalInteger("heads"); };
    const std::initializer_list<Key> allowed = {Key::integer("heads", 1, 4, meaning).optional()};
    EXPECT_EQ(with(allowed, R"({"heads": 3})", optional), 3);
    EXPECT_EQ(with(allowed, R"({"heads": null})", optional), std::nullopt);
    EXPECT_EQ(with(allowed, "{}", optional), std::nullopt);
    refused(allowed, R"({"heads": 5})", {"5 is not within 1 to 4"}, optional);
}

TEST(Config, numbers) {
    const auto scale = [](Config& c) { return c.number("scale"); };
    const std::initializer_list<Key> required = {Key::number("scale", 0.5, 2, meaning)};
    EXPECT_EQ(with(required, R"({"scale": 0.5})", scale), 0.5);
    EXPECT_EQ(with(required, R"({"scale": 2})", scale), 2.0);
    EXPECT_EQ(with({Key::number("scale", 0, 1, meaning).orElse(8)}, "{}", scale), 8.0);
    refused(required, "{}", {"\"scale\"", "a number is required"}, scale);
    refused(required, R"({"scale": 2.25})", {"\"scale\"", "2.25 is not within 0.5 to 2"}, scale);
    refused(required, R"({"scale": -1e300})", {"-1e+300 is not within"}, scale);
    refused(required, R"({"scale": "1"})", {"\"1\" is not a number"}, scale);
}

TEST(Config, booleans) {
    const auto causal = [](Config& c) { return c.boolean("causal"); };
    const std::initializer_list<Key> required = {Key::boolean("causal", meaning)};
    EXPECT_TRUE(with(required, R"({"causal": true})", causal));
    EXPECT_FALSE(with(required, R"({"causal": false})", causal));
    EXPECT_TRUE(with({Key::boolean("causal", meaning).orElse(true)}, "{}", causal));
    EXPECT_FALSE(with({Key::boolean("causal", meaning).orElse(false)}, "{}", causal));
    refused(required, "{}", {"\"causal\"", "true or false is required"}, causal);
    refused(required, R"({"causal": 1})", {"\"causal\"", "1 is not true or false"}, causal);
}

TEST(Config, choices) {
    const auto order = [](Config& c) { return c.choice("axis_order"); };
    const std::initializer_list<Key> required = {Key::choice("axis_order", orders, meaning)};
    EXPECT_EQ(with(required, R"({"axis_order": "reference"})", order), 0u);
    EXPECT_EQ(with(required, R"({"axis_order": "xyz"})", order), 1u);
    EXPECT_EQ(with({Key::choice("axis_order", orders, meaning).orElse(1)}, "{}", order), 1u);
    refused(required, "{}", {"\"axis_order\"", "a string is required"}, order);
    refused(required, R"({"axis_order": "xy"})", {"\"axis_order\"", "\"xy\" is none of \"reference\", \"xyz\""}, order);
    refused(required, R"({"axis_order": 1})", {"1 is none of"}, order);
    refused(required, R"({"axis_order": ""})", {"\"\" is none of"}, order);

    const auto optional = [](Config& c) { return c.optionalChoice("axis_order"); };
    const std::initializer_list<Key> allowed = {Key::choice("axis_order", orders, meaning).optional()};
    EXPECT_EQ(with(allowed, R"({"axis_order": "xyz"})", optional), 1u);
    EXPECT_EQ(with(allowed, "{}", optional), std::nullopt);
}

TEST(Config, lists) {
    using Integers = Config::Integers;
    const auto list = [](Config& c) { return c.integers("r"); };
    const std::initializer_list<Key> required = {Key::integers("r", {2, 3}, 1, 9, meaning)};
    EXPECT_EQ(with(required, R"({"r": [1, 9]})", list), (Integers{1, 9}));
    EXPECT_EQ(with(required, R"({"r": [1, 2, 3]})", list), (Integers{1, 2, 3}));
    refused(required, "{}", {"\"r\"", "an array of integers is required"}, list);
    refused(required, R"({"r": [1]})", {"\"r\"", "an array of length 1 where 2 to 3 integers are wanted"}, list);
    refused(required, R"({"r": [1, 2, 3, 4]})", {"an array of length 4 where 2 to 3 integers are wanted"}, list);
    refused(required, R"({"r": [1, 10]})", {"\"r\"", "10 is not within 1 to 9"}, list);
    refused(required, R"({"r": [1, "2"]})", {"\"2\" is not an integer"}, list);
    refused(required, R"({"r": [1, null]})", {"null is not an integer"}, list);
    refused(required, R"({"r": 4})", {"4 is not an array of integers"}, list);

    const std::initializer_list<Key> broadcast = {Key::integers("r", {3, 3}, 1, 9, meaning).orOneNumber()};
    EXPECT_EQ(with(broadcast, R"({"r": 4})", list), (Integers{4, 4, 4}));
    EXPECT_EQ(with(broadcast, R"({"r": [1, 2, 3]})", list), (Integers{1, 2, 3}));
    refused(broadcast, R"({"r": 10})", {"10 is not within 1 to 9"}, list);
    refused(broadcast, R"({"r": "4"})", {"\"4\" is not an integer"}, list);
    refused(broadcast, R"({"r": [4]})", {"an array of length 1 where 3 integers are wanted"}, list);

    const std::initializer_list<Key> defaulted = {Key::integers("r", {0, 8}, 1, 9, meaning).orElse(7)};
    EXPECT_EQ(with(defaulted, "{}", list), (Integers{7, 7, 7, 7, 7, 7, 7, 7}));
    EXPECT_EQ(with(defaulted, R"({"r": []})", list), Integers{});
    EXPECT_EQ(with(defaulted, R"({"r": [1,2,3,4,5,6,7,8]})", list), (Integers{1, 2, 3, 4, 5, 6, 7, 8}));
    refused(defaulted, R"({"r": [1,2,3,4,5,6,7,8,9]})", {"an array of length 9 where 0 to 8"}, list);
    EXPECT_EQ(with({Key::integers("r", {1, 3}, 1, 9, meaning).optional()}, "{}", list), Integers{});
}

TEST(Config, presence) {
    const auto a = [](Config& c) { return c.has("a"); };
    const std::initializer_list<Key> keys = {Key::ignored("a", meaning)};
    EXPECT_TRUE(with(keys, R"({"a": 0})", a));
    EXPECT_TRUE(with(keys, R"({"a": {"any": ["thing"]}})", a));
    EXPECT_FALSE(with(keys, R"({"a": null})", a));
    EXPECT_FALSE(with(keys, "{}", a));
}

TEST(Config, refusesUnknownKeys) {
    const std::initializer_list<Key> keys = {Key::integer("dim", 1, 100, meaning), Key::boolean("causal", meaning),
                                             Key::integer("heads", 1, 9, meaning)};
    const auto read = [](Config&) {};
    EXPECT_NO_THROW(with(keys, R"({"dim": 4})", read));
    EXPECT_NO_THROW(with(keys, R"({"dim": 4, "heads": 8, "causal": null})", read));
    refused(keys, R"({"dim": 4, "head": 8})", {"\"head\": unknown; there are \"dim\", \"causal\", \"heads\""}, read);
    refused(keys, R"({"dim": 4, "head": null})", {"\"head\": unknown"}, read);
    refused(keys, R"({"dim": 4, "": 1})", {"\"\": unknown"}, read);
    refused({}, R"({"x": 1})", {"\"x\": unknown; there are none"}, read);
}

TEST(Config, hintsAtTheOtherObject) {
    TestMemory memory;
    const Key options[] = {Key::boolean("cache", meaning)};
    const JsonDocument document = parseJson(R"({"cache": true})", &memory);
    expectError(SAC_ERROR_INVALID_CONFIG, {"config \"cache\": unknown here, it is an option of the plan", "none"}, [&] {
        Config(document.root(), {"config", {}, "an option of the plan", options}, &memory);
    });
}

TEST(Config, remembersWhatWasAsked) {
    const std::initializer_list<Key> keys = {Key::integer("a", 0, 1, meaning).orElse(0), Key::boolean("b", meaning),
                                             Key::ignored("c", meaning)};
    const auto asked = with(keys, "{}", [](Config& c) {
        (void)c.integer("a");
        (void)c.has("c");
        return std::vector<bool>(c.asked().begin(), c.asked().end());
    });
    EXPECT_EQ(asked, (std::vector<bool>{true, false, true}));
}

TEST(Config, whatIsNotDescribedIsADefect) {
    const std::initializer_list<Key> keys = {Key::integer("a", 0, 1, meaning)};
    refused(
        keys, "{}", {"\"b\" is read, but not described"}, [](Config& c) { return c.has("b"); }, SAC_ERROR_INTERNAL);
    refused(
        keys, "{}", {"\"a\" is read as true or false, but described as an integer"},
        [](Config& c) { return c.boolean("a"); }, SAC_ERROR_INTERNAL);
}

TEST(Config, messagesFitHoweverLongTheirWords) {
    const std::string longKey(1000, 'k');
    std::vector<std::string> names;
    std::vector<Key> keys;
    for (int i = 0; i < 100; ++i)
        names.push_back("key " + std::to_string(i));
    for (const std::string& name : names)
        keys.push_back(Key::boolean(name.c_str(), meaning));
    keys.push_back(Key::integer(longKey.c_str(), 0, 1, meaning));
    TestMemory memory;
    const JsonDocument unknown = parseJson("{\"" + longKey + "k\": 1}", &memory);
    expectError(SAC_ERROR_INVALID_CONFIG, {std::string(96, 'k') + "\"", "there are \"key 0\"", "..."}, [&] {
        Config(unknown.root(), {"config", keys}, &memory);
    });
    const JsonDocument wrong = parseJson("{\"" + longKey + "\": \"" + longKey + "\"}", &memory);
    Config config(wrong.root(), {"config", keys}, &memory);
    expectError(SAC_ERROR_INVALID_CONFIG, {"config \"kkk"}, [&] { (void)config.integer(longKey); });
}

TEST(Config, refusesWhatIsNoObject) {
    refused({}, "[1]", {"an array of length 1 is not an object"}, [](Config&) {});
    refused({}, "null", {"null is not an object"}, [](Config&) {});
}

} // namespace
} // namespace saccade::test
