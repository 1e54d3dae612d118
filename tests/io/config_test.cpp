#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "expect_error.hpp"
#include "io/config.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

constexpr int64_t anyMin = std::numeric_limits<int64_t>::min();
constexpr int64_t anyMax = std::numeric_limits<int64_t>::max();

/// Runs `action(config)` on a configuration given as text.
template <class Action>
auto with(std::string_view text, Action action) {
    TestMemory memory;
    const JsonDocument document = parseJson(text, &memory);
    Config config(document.root(), &memory);
    return action(config);
}

template <class Action>
void refused(std::string_view text, std::initializer_list<std::string_view> parts, Action action) {
    SCOPED_TRACE(std::string(text));
    expectError(SAC_ERROR_INVALID_CONFIG, parts, [&] { with(text, action); });
}

TEST(Config, integers) {
    const auto heads = [](Config& c) { return c.integer("heads", 1, 1024); };
    const auto defaulted = [](Config& c) { return c.integer("heads", 1, 1024, 8); };
    EXPECT_EQ(with(R"({"heads": 1})", heads), 1);
    EXPECT_EQ(with(R"({"heads": 1024})", heads), 1024);
    EXPECT_EQ(with("{}", defaulted), 8);
    EXPECT_EQ(with(R"({"heads": null})", defaulted), 8);
    EXPECT_EQ(with(R"({"heads": 2})", defaulted), 2);
    refused("{}", {"\"heads\"", "an integer is required"}, heads);
    refused(R"({"heads": null})", {"\"heads\"", "required"}, heads);
    refused(R"({"heads": 0})", {"\"heads\"", "0 is not within 1 to 1024"}, heads);
    refused(R"({"heads": 1025})", {"1025 is not within 1 to 1024"}, defaulted);
    refused(R"({"heads": 4.0})", {"4.0 is not an integer"}, heads);
    refused(R"({"heads": "four"})", {"\"four\" is not an integer"}, heads);
    refused(R"({"heads": true})", {"true is not an integer"}, defaulted);
    refused(R"({"heads": [4]})", {"an array of length 1 is not an integer"}, heads);
    EXPECT_EQ(with(R"({"heads": -9223372036854775808})", [](Config& c) { return c.integer("heads", anyMin, anyMax); }),
              anyMin);

    const auto optional = [](Config& c) { return c.optionalInteger("heads", 1, 4); };
    EXPECT_EQ(with(R"({"heads": 3})", optional), 3);
    EXPECT_EQ(with(R"({"heads": null})", optional), std::nullopt);
    EXPECT_EQ(with("{}", optional), std::nullopt);
    refused(R"({"heads": 5})", {"5 is not within 1 to 4"}, optional);
}

TEST(Config, numbers) {
    const auto scale = [](Config& c) { return c.number("scale", 0.5, 2); };
    EXPECT_EQ(with(R"({"scale": 0.5})", scale), 0.5);
    EXPECT_EQ(with(R"({"scale": 2})", scale), 2.0);
    EXPECT_EQ(with("{}", [](Config& c) { return c.number("scale", 0, 1, 8); }), 8.0);
    refused("{}", {"\"scale\"", "a number is required"}, scale);
    refused(R"({"scale": 2.25})", {"\"scale\"", "2.25 is not within 0.5 to 2"}, scale);
    refused(R"({"scale": -1e300})", {"-1e+300 is not within"}, scale);
    refused(R"({"scale": "1"})", {"\"1\" is not a number"}, scale);
}

TEST(Config, booleans) {
    const auto causal = [](Config& c) { return c.boolean("causal"); };
    EXPECT_TRUE(with(R"({"causal": true})", causal));
    EXPECT_FALSE(with(R"({"causal": false})", causal));
    EXPECT_TRUE(with("{}", [](Config& c) { return c.boolean("causal", true); }));
    refused("{}", {"\"causal\"", "true or false is required"}, causal);
    refused(R"({"causal": 1})", {"\"causal\"", "1 is not true or false"}, causal);
}

TEST(Config, choices) {
    const auto order = [](Config& c) { return c.choice("axis_order", {"reference", "xyz"}); };
    EXPECT_EQ(with(R"({"axis_order": "reference"})", order), 0u);
    EXPECT_EQ(with(R"({"axis_order": "xyz"})", order), 1u);
    EXPECT_EQ(with("{}", [](Config& c) { return c.choice("axis_order", {"reference", "xyz"}, 1); }), 1u);
    refused("{}", {"\"axis_order\"", "a string is required"}, order);
    refused(R"({"axis_order": "xy"})", {"\"axis_order\"", "\"xy\" is none of \"reference\", \"xyz\""}, order);
    refused(R"({"axis_order": 1})", {"1 is none of"}, order);
    refused(R"({"axis_order": ""})", {"\"\" is none of"}, order);
}

TEST(Config, lists) {
    using Integers = Config::Integers;
    const auto list = [](Config& c) { return c.integers("r", {2, 3}, 1, 9); };
    EXPECT_EQ(with(R"({"r": [1, 9]})", list), (Integers{1, 9}));
    EXPECT_EQ(with(R"({"r": [1, 2, 3]})", list), (Integers{1, 2, 3}));
    refused("{}", {"\"r\"", "an array of integers is required"}, list);
    refused(R"({"r": [1]})", {"\"r\"", "an array of length 1 where 2 to 3 integers are wanted"}, list);
    refused(R"({"r": [1, 2, 3, 4]})", {"an array of length 4 where 2 to 3 integers are wanted"}, list);
    refused(R"({"r": [1, 10]})", {"\"r\"", "10 is not within 1 to 9"}, list);
    refused(R"({"r": [1, "2"]})", {"\"2\" is not an integer"}, list);
    refused(R"({"r": [1, null]})", {"null is not an integer"}, list);
    refused(R"({"r": 4})", {"4 is not an array of integers"}, list);

    const auto broadcast = [](Config& c) { return c.integers("r", {3, 3}, 1, 9, Scalar::broadcast); };
    EXPECT_EQ(with(R"({"r": 4})", broadcast), (Integers{4, 4, 4}));
    EXPECT_EQ(with(R"({"r": [1, 2, 3]})", broadcast), (Integers{1, 2, 3}));
    refused(R"({"r": 10})", {"10 is not within 1 to 9"}, broadcast);
    refused(R"({"r": "4"})", {"\"4\" is not an integer"}, broadcast);
    refused(R"({"r": [4]})", {"an array of length 1 where 3 integers are wanted"}, broadcast);

    const Integers byDefault{7, 8};
    const auto defaulted = [&](Config& c) { return c.integers("r", {0, 8}, 1, 9, Scalar::refuse, byDefault); };
    EXPECT_EQ(with("{}", defaulted), byDefault);
    EXPECT_EQ(with(R"({"r": []})", defaulted), Integers{});
    EXPECT_EQ(with(R"({"r": [1,2,3,4,5,6,7,8]})", defaulted), (Integers{1, 2, 3, 4, 5, 6, 7, 8}));
    refused(R"({"r": [1,2,3,4,5,6,7,8,9]})", {"an array of length 9 where 0 to 8"}, defaulted);
}

TEST(Config, presence) {
    EXPECT_TRUE(with(R"({"a": 0})", [](Config& c) { return c.has("a"); }));
    EXPECT_FALSE(with(R"({"a": null})", [](Config& c) { return c.has("a"); }));
    EXPECT_FALSE(with("{}", [](Config& c) { return c.has("a"); }));
}

TEST(Config, refusesUnknownKeys) {
    const auto read = [](Config& c) {
        (void)c.integer("dim", 1, 100);
        (void)c.boolean("causal", false);
        (void)c.has("heads");
        (void)c.has("dim");
        c.finish();
    };
    EXPECT_NO_THROW(with(R"({"dim": 4})", read));
    EXPECT_NO_THROW(with(R"({"dim": 4, "heads": 8, "causal": null})", read));
    refused(R"({"dim": 4, "head": 8})", {"\"head\": unknown key; known are \"dim\", \"causal\", \"heads\""}, read);
    refused(R"({"dim": 4, "head": null})", {"\"head\": unknown key"}, read);
    refused(R"({"dim": 4, "": 1})", {"\"\": unknown key"}, read);
    refused(R"({"x": 1})", {"\"x\": unknown key"}, [](Config& c) { c.finish(); });
}

TEST(Config, messagesFitHoweverLongTheirWords) {
    const std::string longKey(1000, 'k');
    refused("{\"" + longKey + "\": 1}", {std::string(96, 'k') + "\"", "known are \"key 0\"", "..."}, [](Config& c) {
        for (int i = 0; i < 100; ++i)
            (void)c.has("key " + std::to_string(i));
        c.finish();
    });
    refused("{\"" + longKey + "\": \"" + longKey + "\"}", {"is not an integer"},
            [&](Config& c) { return c.integer(longKey, 0, 1); });
}

TEST(Config, refusesWhatIsNoObject) {
    refused("[1]", {"an array of length 1 is not an object"}, [](Config&) {});
    refused("null", {"null is not an object"}, [](Config&) {});
}

} // namespace
} // namespace saccade::test
