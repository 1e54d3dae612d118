// SPDX-License-Identifier: Apache-2.0
// The parser against nlohmann-json, an independent implementation: the same texts accepted, the same values read.
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "base/error.hpp"
#include "io/json.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

using Oracle = nlohmann::json;

void expectSame(const JsonValue& value, const Oracle& oracle) {
    switch (oracle.type()) {
    case Oracle::value_t::null:
        EXPECT_TRUE(value.isNull());
        break;
    case Oracle::value_t::boolean:
        ASSERT_TRUE(value.isBoolean());
        EXPECT_EQ(value.asBoolean(), oracle.get<bool>());
        break;
    case Oracle::value_t::number_integer:
    case Oracle::value_t::number_unsigned:
        ASSERT_TRUE(value.isInteger());
        EXPECT_EQ(value.asInteger(), oracle.get<int64_t>());
        break;
    case Oracle::value_t::number_float:
        ASSERT_TRUE(value.isNumber() && !value.isInteger());
        EXPECT_EQ(value.asNumber(), oracle.get<double>());
        break;
    case Oracle::value_t::string:
        ASSERT_TRUE(value.isString());
        EXPECT_EQ(value.asString(), oracle.get_ref<const std::string&>());
        break;
    case Oracle::value_t::array:
        ASSERT_TRUE(value.isArray());
        ASSERT_EQ(value.items().size(), oracle.size());
        for (std::size_t i = 0; i < oracle.size(); ++i)
            expectSame(value.items()[i], oracle[i]);
        break;
    case Oracle::value_t::object:
        ASSERT_TRUE(value.isObject());
        ASSERT_EQ(value.members().size(), oracle.size());
        for (const JsonMember& member : value.members()) {
            ASSERT_TRUE(oracle.contains(std::string(member.key)));
            expectSame(member.value, oracle[std::string(member.key)]);
        }
        break;
    default:
        FAIL() << "not a JSON type";
    }
}

/// What this parser refuses beyond the grammar, by the words of its message.
bool isOwnRule(std::string_view message) {
    for (const std::string_view rule : {"twice", "levels", "64 bits", "range of a double"})
        if (message.find(rule) != std::string_view::npos)
            return true;
    return false;
}

struct Tally {
    int accepted = 0;
    int refused = 0;
};

void compare(const std::string& text, Tally& tally) {
    SCOPED_TRACE(text);
    const Oracle oracle = Oracle::parse(text, nullptr, false);
    TestMemory memory;
    try {
        const JsonDocument document = parseJson(text, &memory);
        ASSERT_FALSE(oracle.is_discarded()) << "accepted where the oracle refuses";
        expectSame(document.root(), oracle);
        ++tally.accepted;
    } catch (const Error& error) {
        EXPECT_TRUE(oracle.is_discarded() || isOwnRule(error.what())) << error.what();
        ++tally.refused;
    }
}

class Generator {
public:
    explicit Generator(uint32_t seed) : random_(seed) {}

    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_()) % bound; }

    std::string value(int depth) {
        switch (below(depth > 0 ? 9 : 6)) {
        case 0:
            return pick({"null", "true", "false"});
        case 1:
            return std::to_string(static_cast<int32_t>(random_()) >> below(32));
        case 2:
            return number();
        case 3:
        case 4:
        case 5:
            return string();
        case 6:
        case 7: {
            std::string text = "{" + space();
            const uint32_t count = below(4);
            for (uint32_t i = 0; i < count; ++i)
                text += (i ? "," : "") + space() + string() + space() + ":" + space() + value(depth - 1) + space();
            return text + "}";
        }
        default: {
            std::string text = "[" + space();
            const uint32_t count = below(5);
            for (uint32_t i = 0; i < count; ++i)
                text += (i ? "," : "") + space() + value(depth - 1) + space();
            return text + "]";
        }
        }
    }

    std::string mutate(std::string text) {
        static const std::string bytes = "{}[]\",:\\u0123456789abcdefntrE+-. \n\x01\x7f\xc3\xa9\xe2\x82\xf0\xff";
        const uint32_t edits = 1 + below(3);
        for (uint32_t i = 0; i < edits && !text.empty(); ++i) {
            const std::size_t at = below(static_cast<uint32_t>(text.size()));
            const char byte = bytes[below(static_cast<uint32_t>(bytes.size()))];
            switch (below(4)) {
            case 0:
                text.erase(at, 1);
                break;
            case 1:
                text.insert(at, 1, byte);
                break;
            case 2:
                text[at] = byte;
                break;
            default:
                text.resize(at);
                break;
            }
        }
        return text;
    }

private:
    std::string pick(std::initializer_list<const char*> words) {
        return words.begin()[below(static_cast<uint32_t>(words.size()))];
    }

    std::string space() { return pick({"", "", "", " ", "\n\t", "\r "}); }

    std::string number() {
        std::string text = pick({"", "-"}) + std::to_string(below(1000));
        if (below(2))
            text += "." + std::to_string(random_());
        return text + pick({"e", "E"}) + pick({"", "+", "-"}) + std::to_string(below(330));
    }

    std::string string() {
        std::string text = "\"";
        const uint32_t count = below(6);
        for (uint32_t i = 0; i < count; ++i)
            text += pick({"a", "key", "\\n", "\\\"", "\\\\", "\\u00e9", "\\uD83D\\uDE00", "\u20ac", "\U0001f600", "/",
                          "\\/", "\\u0000"});
        return text + "\"";
    }

    std::mt19937 random_;
};

TEST(JsonOracle, agreesOnGeneratedTexts) {
    Generator generator(1);
    Tally tally;
    for (int i = 0; i < 20000 && !testing::Test::HasFailure(); ++i)
        compare(generator.value(4), tally);
    EXPECT_GT(tally.accepted, 15000);
}

TEST(JsonOracle, agreesOnDamagedTexts) {
    Generator generator(2);
    Tally tally;
    for (int i = 0; i < 60000 && !testing::Test::HasFailure(); ++i)
        compare(generator.mutate(generator.value(3)), tally);
    EXPECT_GT(tally.accepted, 2000);
    EXPECT_GT(tally.refused, 20000);
}

} // namespace
} // namespace saccade::test
