// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "expect_error.hpp"
#include "io/json.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

class Json : public testing::Test {
protected:
    JsonDocument parse(std::string_view text) { return parseJson(text, &memory_); }

    void refused(std::string_view text, std::initializer_list<std::string_view> parts) {
        SCOPED_TRACE(std::string(text.substr(0, 80)));
        expectError(SAC_ERROR_INVALID_CONFIG, parts, [&] { (void)parse(text); });
    }

    TestMemory memory_;
};

TEST_F(Json, readsEveryType) {
    const JsonDocument document = parse(
        " {\"z\": null, \"a\": true, \"b\" : false,\t\"c\":[1, -2.5e1 ,\n\"x\"], \"d\":{}, \"e\":[], \"\": \"\"}\r\n");
    const JsonValue& root = document.root();
    ASSERT_TRUE(root.isObject());
    ASSERT_EQ(root.members().size(), 7u);
    EXPECT_TRUE(root.find("z")->isNull());
    EXPECT_TRUE(root.find("a")->asBoolean());
    EXPECT_TRUE(root.find("b")->isBoolean());
    EXPECT_FALSE(root.find("b")->asBoolean());
    const std::span<const JsonValue> items = root.find("c")->items();
    ASSERT_EQ(items.size(), 3u);
    EXPECT_EQ(items[0].asInteger(), 1);
    EXPECT_EQ(items[1].asNumber(), -25.0);
    EXPECT_FALSE(items[1].isInteger());
    EXPECT_EQ(items[2].asString(), "x");
    EXPECT_TRUE(root.find("d")->isObject());
    EXPECT_TRUE(root.find("e")->isArray());
    EXPECT_EQ(root.find("")->asString(), "");
    EXPECT_EQ(root.find("y"), nullptr);
    for (std::size_t i = 1; i < root.members().size(); ++i)
        EXPECT_LT(root.members()[i - 1].key, root.members()[i].key);
}

TEST_F(Json, wrongTypesReadAsNothing) {
    const JsonDocument document = parse("[null, true, 7, 1.5, \"s\", [1], {\"k\": 1}]");
    for (const JsonValue& value : document.root().items()) {
        EXPECT_EQ(value.asBoolean(), value.isBoolean());
        EXPECT_EQ(value.asInteger(), value.isInteger() ? 7 : 0);
        EXPECT_EQ(value.asNumber() != 0, value.isNumber());
        EXPECT_EQ(value.asString().size(), value.isString() ? 1u : 0u);
        EXPECT_EQ(value.items().size(), value.isArray() ? 1u : 0u);
        EXPECT_EQ(value.members().size(), value.isObject() ? 1u : 0u);
        EXPECT_EQ(value.find("k") != nullptr, value.isObject());
    }
}

TEST_F(Json, readsNumbersExactly) {
    EXPECT_EQ(parse("9223372036854775807").root().asInteger(), std::numeric_limits<int64_t>::max());
    EXPECT_EQ(parse("-9223372036854775808").root().asInteger(), std::numeric_limits<int64_t>::min());
    EXPECT_EQ(parse("-0").root().asInteger(), 0);
    EXPECT_TRUE(parse("1e2").root().isNumber());
    EXPECT_FALSE(parse("1e2").root().isInteger());
    EXPECT_EQ(parse("0.1").root().asNumber(), 0.1);
    EXPECT_EQ(parse("1.7976931348623157e308").root().asNumber(), std::numeric_limits<double>::max());
    EXPECT_EQ(parse("4.9406564584124654E-324").root().asNumber(), std::numeric_limits<double>::denorm_min());
    EXPECT_EQ(parse("0e-999").root().asNumber(), 0.0);
    EXPECT_TRUE(std::signbit(parse("-0.0").root().asNumber()));
}

TEST_F(Json, refusesNumbersOutOfRange) {
    refused("[9223372036854775808]", {"byte 1", "64 bits"});
    refused("-9223372036854775809", {"64 bits"});
    refused("1e309", {"range of a double"});
    refused("-1e999999999999", {"range of a double"});
    refused("1e-400", {"range of a double"});
    refused("0.0000001e-999999999999", {"range of a double"});
}

TEST_F(Json, decodesStrings) {
    EXPECT_EQ(parse(R"("\"\\\/\b\f\n\r\t")").root().asString(), "\"\\/\b\f\n\r\t");
    EXPECT_EQ(parse(R"("\u0041\u00e9\u20ac\ud83d\ude00")").root().asString(), "A\u00e9\u20ac\U0001f600");
    EXPECT_EQ(parse(R"("a\u0000b")").root().asString(), std::string_view("a\0b", 3));
    EXPECT_EQ(parse("\"\u00e9\x7f\"").root().asString(), "\u00e9\x7f");
    EXPECT_EQ(parse(R"({"\u006bey": 1})").root().find("key")->asInteger(), 1);
}

TEST_F(Json, refusesBadStrings) {
    refused(R"("abc)", {"byte 0", "without an end"});
    refused("\"abc\\", {"without an end"});
    refused(R"("abc\")", {"without an end"});
    refused(R"("\x41")", {"byte 1", "unknown escape"});
    refused("\"\\\u20ac\"", {"unknown escape"});
    refused("\"a\nb\"", {"byte 2", "control character"});
    refused(std::string_view("\"\0\"", 3), {"control character"});
    for (const char* text : {R"("\u12")", R"("\u12g4")", R"("\u")", R"("\u-123")", R"("\u 123")"})
        refused(text, {"hexadecimal"});
    for (const char* text : {R"("\ud800")", R"("\ud800\u12")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")",
                             R"("\ud800\ud800")", R"("\udc00\ud800")", R"("\ud800\u0041")"})
        refused(text, {"byte 1", "surrogate"});
    refused("\"\xff\"", {"byte 1", "UTF-8"});
    refused("\"\xed\xa0\x80\"", {"UTF-8"});
    refused("\"\xc0\x80\"", {"UTF-8"});
    refused("\"\xe2\x82", {"UTF-8"});
}

TEST_F(Json, refusesBadSyntax) {
    refused("", {"byte 0", "expected a value"});
    refused("  ", {"byte 2", "expected a value"});
    refused(std::string_view("\0", 1), {"expected a value"});
    refused("\xef\xbb\xbf{}", {"expected a value"});
    for (const char* text : {"nul", "tru", "falsE", "True", "NaN", "Infinity", "+1", ".5", "'a'", "/**/1", "[,]",
                             "[1,]", "{\"a\":}", "{\"a\":1,\"b\":}"})
        refused(text, {"expected a value"});
    for (const char* text : {"1 2", "{} {}", "[]]", "nulls", "1.5.2", "0x10", "true,"})
        refused(text, {"after the end"});
    for (const char* text : {"-", "-a", "1.", "1.e5", "1e", "1e+", "-.5"})
        refused(text, {"expected a digit"});
    refused("01", {"leading zero"});
    refused("-00", {"leading zero"});
    for (const char* text : {"[1 2]", "[1", "[1}", "[1;2]"})
        refused(text, {"',' or ']'"});
    for (const char* text : {"{\"a\":1", "{\"a\":1]", "{\"a\":1 \"b\":2}"})
        refused(text, {"',' or '}'"});
    for (const char* text : {"{a:1}", "{1:1}", "{", "{\"a\":1,}", "{,}"})
        refused(text, {"expected a key"});
    for (const char* text : {"{\"a\"}", "{\"a\" 1}", "{\"a\""})
        refused(text, {"expected ':'"});
}

TEST_F(Json, refusesKeysThatAppearTwice) {
    refused(R"({"a": 1, "b": 2, "a": 1})", {"\"a\"", "twice"});
    refused(R"({"a": 1, "\u0061": 1})", {"\"a\"", "twice"});
    refused(R"([{"x": {"": 1, "": 2}}])", {"\"\"", "twice"});
    EXPECT_NO_THROW((void)parse(R"([{"a": 1}, {"a": 2, "b": {"a": 3}}])"));
}

TEST_F(Json, limitsDepth) {
    const auto nested = [](int depth, std::string_view open, std::string_view close) {
        std::string text;
        for (int i = 0; i < depth; ++i)
            text += open;
        text += "1";
        for (int i = 0; i < depth; ++i)
            text += close;
        return text;
    };
    EXPECT_NO_THROW((void)parse(nested(64, "[", "]")));
    EXPECT_NO_THROW((void)parse(nested(64, "{\"a\":", "}")));
    refused(nested(65, "[", "]"), {"byte 64", "64 levels"});
    refused(nested(65, "{\"a\":", "}"), {"64 levels"});
    refused(std::string(1000000, '['), {"64 levels"});
}

TEST_F(Json, refusesEveryPrefix) {
    const std::string_view text = R"({"a":[1,-2.5e-3,"x\u00e9\ud83d\ude00"],"b":{"c":null,"d":true}})";
    EXPECT_NO_THROW((void)parse(text));
    for (std::size_t length = 0; length < text.size(); ++length) {
        // A copy of exact size, so that the address sanitizer sees a step past the end.
        const std::vector<char> prefix(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
        refused({prefix.data(), prefix.size()}, {"byte"});
    }
}

TEST_F(Json, errorsCarryTheGivenCodeAndName) {
    expectError(SAC_ERROR_MALFORMED_FILE, {"header: byte 1"},
                [&] { (void)parseJson("[", &memory_, SAC_ERROR_MALFORMED_FILE, "header"); });
}

TEST_F(Json, documentsMove) {
    JsonDocument document = parse(R"({"key": ["value"]})");
    const JsonValue* value = document.root().find("key");
    JsonDocument next = std::move(document);
    EXPECT_EQ(next.root().find("key"), value);
    next = parse("[1]");
    EXPECT_EQ(next.root().items()[0].asInteger(), 1);
}

std::string print(const JsonValue& value) {
    if (value.isArray() || value.isObject()) {
        std::string text;
        for (const JsonValue& item : value.items())
            text += print(item) + ",";
        for (const JsonMember& member : value.members())
            text += std::string(member.key) + ":" + print(member.value) + ",";
        return value.isArray() ? "[" + text + "]" : "{" + text + "}";
    }
    return JsonSummary(value).text();
}

TEST_F(Json, mergesObjects) {
    const auto merged = [&](std::string_view base, std::string_view overriding) {
        // The sources end before the result is read.
        return print([&] {
            const JsonDocument a = parse(base);
            const JsonDocument b = parse(overriding);
            return mergeObjects(a.root(), b.root(), &memory_);
        }()
                         .root());
    };
    EXPECT_EQ(merged("{}", "{}"), "{}");
    EXPECT_EQ(merged(R"({"a":1,"c":"x"})", "{}"), R"({a:1,c:"x",})");
    EXPECT_EQ(merged("{}", R"({"a":1,"c":[true,"y",{"k":""}]})"), R"({a:1,c:[true,"y",{k:"",},],})");
    EXPECT_EQ(merged(R"({"a":1,"b":2,"d":{"x":1}})", R"({"b":null,"c":3,"d":{"y":2},"e":0.5})"),
              R"({a:1,b:null,c:3,d:{y:2,},e:0.5,})");
    const JsonDocument result =
        mergeObjects(parse(R"({"m":1,"z":2})").root(), parse(R"({"a":3,"m":4})").root(), &memory_);
    EXPECT_EQ(result.root().find("m")->asInteger(), 4);
    EXPECT_EQ(result.root().find("z")->asInteger(), 2);

    const auto notAnObject = [&](std::string_view a, std::string_view b) {
        expectError(SAC_ERROR_INVALID_CONFIG, {"is not an object"},
                    [&] { (void)mergeObjects(parse(a).root(), parse(b).root(), &memory_); });
    };
    notAnObject("{}", "[1]");
    notAnObject("3", "{}");
}

TEST_F(Json, writesStringsThatReadBack) {
    std::string all;
    for (int c = 0; c < 128; ++c)
        all += static_cast<char>(c);
    all += "\u00e9\u20ac\U0001f600";
    std::pmr::string text(&memory_);
    appendJsonString(text, all);
    EXPECT_EQ(parse(text).root().asString(), all);
    text.clear();
    appendJsonString(text, "a\"\\\n");
    EXPECT_EQ(text, R"("a\"\\\u000a")");
}

TEST_F(Json, summarisesValues) {
    const auto summary = [&](std::string_view text) { return std::string(JsonSummary(parse(text).root()).text()); };
    EXPECT_EQ(summary("null"), "null");
    EXPECT_EQ(summary("false"), "false");
    EXPECT_EQ(summary("-9223372036854775808"), "-9223372036854775808");
    EXPECT_EQ(summary("4.0"), "4.0");
    EXPECT_EQ(summary("1e300"), "1e+300");
    EXPECT_EQ(summary("\"abc\""), "\"abc\"");
    EXPECT_EQ(summary("\"" + std::string(200, 'a') + "\""), "\"" + std::string(64, 'a') + "...\"");
    EXPECT_EQ(summary("[1,2]"), "an array of length 2");
    EXPECT_EQ(summary("{}"), "an object");
}

} // namespace
} // namespace saccade::test
