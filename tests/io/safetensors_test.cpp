// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "expect_error.hpp"
#include "io/half.hpp"
#include "io/safetensors.hpp"
#include "safetensors_file.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

void refusedBytes(std::span<const std::byte> file, std::initializer_list<std::string_view> parts) {
    TestMemory memory;
    expectError(SAC_ERROR_MALFORMED_FILE, parts, [&] { Safetensors reader(file, &memory); });
}

void refused(std::string_view header, std::size_t dataBytes, std::initializer_list<std::string_view> parts) {
    SCOPED_TRACE(std::string(header.substr(0, 200)));
    refusedBytes(makeFile(header, dataBytes), parts);
}

/// A file whose only tensor, "t", has this entry.
void refusedEntry(std::string_view entry, std::initializer_list<std::string_view> parts, std::size_t dataBytes = 8) {
    refused("{\"t\":" + std::string(entry) + "}", dataBytes, parts);
}

TEST(Safetensors, readsTensorsAndMetadata) {
    TestMemory memory;
    const std::vector<std::byte> file = makeFile(smallHeader, smallDataBytes);
    const std::byte* data = file.data() + 8 + smallHeader.size();
    const Safetensors reader(file, &memory);

    ASSERT_EQ(reader.tensors().size(), 2u);
    EXPECT_EQ(reader.tensors()[0].name, "mask");
    EXPECT_EQ(reader.tensors()[1].name, "to_q.weight");
    const TensorView* weight = reader.find("to_q.weight");
    ASSERT_NE(weight, nullptr);
    EXPECT_EQ(weight->type, DataType::f32);
    EXPECT_EQ(weight->shape, (TensorShape{2, 3}));
    EXPECT_EQ(weight->data, data);
    EXPECT_EQ(weight->bytes, 24u);
    EXPECT_EQ(weight->elementCount(), 6u);
    const TensorView* mask = reader.find("mask");
    ASSERT_NE(mask, nullptr);
    EXPECT_EQ(mask->type, DataType::boolean);
    EXPECT_EQ(mask->data, data + 24);
    for (const char* name : {"", "a", "mask2", "to_q", "z", "__metadata__"})
        EXPECT_EQ(reader.find(name), nullptr) << name;

    EXPECT_EQ(reader.metadata("module"), "Test");
    EXPECT_EQ(reader.metadata("config"), R"({"dim": 4})");
    EXPECT_EQ(reader.metadata("seed"), std::nullopt);
    EXPECT_EQ(reader.metadata().size(), 2u);
}

TEST(Safetensors, survivesBeingMoved) {
    TestMemory memory;
    const std::vector<std::byte> file = makeFile(smallHeader, smallDataBytes);
    std::optional<Safetensors> first(std::in_place, file, &memory);
    const Safetensors second = std::move(*first);
    first.reset();
    EXPECT_EQ(second.find("mask")->name, "mask");
    EXPECT_EQ(second.metadata("module"), "Test");
}

TEST(Safetensors, acceptsWhatTheFormatAllows) {
    TestMemory memory;
    const auto read = [&](std::string_view header, std::size_t dataBytes) {
        return Safetensors(makeFile(header, dataBytes), &memory).tensors().size();
    };
    EXPECT_EQ(read("{}", 0), 0u);
    EXPECT_EQ(read("{}      ", 0), 0u);
    EXPECT_EQ(read(R"({"__metadata__":{}})", 0), 0u);
    EXPECT_EQ(read(R"({"__metadata__":null})", 0), 0u);
    // A single element; further fields, as upstream; empty tensors at every place.
    EXPECT_EQ(read(R"({"t":{"dtype":"F64","shape":[],"data_offsets":[0,8],"note":1}})", 8), 1u);
    EXPECT_EQ(read(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                   R"("b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                   R"("c":{"dtype":"F32","shape":[3,0,5],"data_offsets":[4,4]},)"
                   R"("d":{"dtype":"U8","shape":[1],"data_offsets":[4,5]},)"
                   R"("e":{"dtype":"F32","shape":[0],"data_offsets":[5,5]}})",
                   5),
              5u);
    EXPECT_EQ(read(R"({"t":{"dtype":"U8","shape":[1,1,1,1,1,1,1,2],"data_offsets":[0,2]}})", 2), 1u);
    EXPECT_EQ(read(R"({"":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2), 1u);
}

// A type that nothing here reads does not refuse the file, only its own use; where its size is known it is checked.
TEST(Safetensors, keepsTypesItCannotRead) {
    TestMemory memory;
    const std::string_view header = R"({"a":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]},)"
                                    R"("b":{"dtype":"F4","shape":[2,3],"data_offsets":[3,6]},)"
                                    R"("c":{"dtype":"C64","shape":[1],"data_offsets":[6,14]},)"
                                    R"("d":{"dtype":"Q5_NEW","shape":[7],"data_offsets":[14,19]},)"
                                    R"("e":{"dtype":"U8","shape":[2],"data_offsets":[19,21]}})";
    const std::vector<std::byte> file = makeFile(header, 21);
    const Safetensors reader(file, &memory);
    ASSERT_EQ(reader.tensors().size(), 5u);
    const char* const types[] = {"F8_E4M3", "F4", "C64", "Q5_NEW"};
    for (std::size_t i = 0; i < 4; ++i) {
        const TensorView& tensor = reader.tensors()[i];
        EXPECT_EQ(tensor.type, DataType::opaque);
        EXPECT_EQ(tensor.typeName, types[i]);
        float out[8];
        expectError(SAC_ERROR_INVALID_WEIGHTS,
                    {std::string("\"") + char('a' + i) + "\"", std::string("type ") + types[i]},
                    [&] { readFloats(tensor, std::span(out, tensor.elementCount())); });
    }
    EXPECT_EQ(reader.find("d")->bytes, 5u);
    EXPECT_EQ(reader.find("d")->elementCount(), 7u);
    EXPECT_EQ(reader.find("e")->type, DataType::u8);

    const auto refusedType = [](const char* type, const char* shape, std::initializer_list<std::string_view> parts) {
        refusedEntry("{\"dtype\":\"" + std::string(type) + "\",\"shape\":" + shape + ",\"data_offsets\":[0,8]}", parts);
    };
    for (const char* type : {"F8_E4M3", "F8_E5M2", "F8_E8M0"})
        refusedType(type, "[7]", {"\"t\"", "8 bytes where shape and dtype need 7"});
    refusedType("F4", "[15]", {"\"t\"", "60 bits, which are no whole bytes"});
    refusedType("F4", "[18]", {"\"t\"", "8 bytes where shape and dtype need 9"});
    refusedType("F6_E2M3", "[12]", {"\"t\"", "8 bytes where shape and dtype need 9"});
    refusedType("F6_E3M2", "[3]", {"\"t\"", "18 bits"});
    refusedType("C64", "[2]", {"\"t\"", "8 bytes where shape and dtype need 16"});
    // Of unknown size, yet of a shape that can be counted and bytes that lie in the file, next to the others'.
    refusedType("Q5_NEW", "[9223372036854775807,9223372036854775807]", {"\"t\"", "overflows 64 bits"});
    refusedEntry(R"({"dtype":"Q5_NEW","shape":[8],"data_offsets":[0,9]})", {"\"t\"", "end at 9, beyond the 8 bytes"});
    refusedEntry(R"({"dtype":"Q5_NEW","shape":[8],"data_offsets":[1,8]})", {"\"t\"", "leaving a gap after byte 0"});
}

TEST(Safetensors, readsUnalignedTensors) {
    TestMemory memory;
    // The header's length is odd and a byte precedes the floats.
    std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                         R"("f":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},)"
                         R"("d":{"dtype":"F64","shape":[1],"data_offsets":[9,17]},)"
                         R"("h":{"dtype":"F16","shape":[1],"data_offsets":[17,19]}})";
    if (header.size() % 2 == 0)
        header += ' ';
    std::vector<std::byte> file = makeFile(header, 19);
    const float floats[2] = {1.5f, -2.0f};
    const double number = 0.25;
    const uint16_t half = 0x4200;
    std::byte* data = file.data() + 8 + header.size();
    std::memcpy(data + 1, floats, 8);
    std::memcpy(data + 9, &number, 8);
    std::memcpy(data + 17, &half, 2);

    const Safetensors reader(file, &memory);
    float out[2];
    readFloats(*reader.find("f"), out);
    EXPECT_EQ(out[0], 1.5f);
    EXPECT_EQ(out[1], -2.0f);
    readFloats(*reader.find("d"), std::span(out, 1));
    EXPECT_EQ(out[0], 0.25f);
    readFloats(*reader.find("h"), std::span(out, 1));
    EXPECT_EQ(out[0], 3.0f);
}

TEST(Safetensors, refusesEveryTruncation) {
    const std::vector<std::byte> file = makeFile(smallHeader, smallDataBytes);
    for (std::size_t size = 0; size < file.size(); ++size) {
        // A copy of exact size, so that the address sanitizer sees a step past the end.
        const std::vector<std::byte> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
        SCOPED_TRACE(size);
        refusedBytes(cut, {"safetensors"});
    }
}

TEST(Safetensors, survivesEveryChangedByte) {
    const std::vector<std::byte> file = makeFile(smallHeader, smallDataBytes);
    int accepted = 0;
    for (std::size_t at = 0; at < 8 + smallHeader.size(); ++at)
        for (int value = 0; value < 256; ++value) {
            std::vector<std::byte> changed = file;
            changed[at] = static_cast<std::byte>(value);
            TestMemory memory;
            try {
                const Safetensors reader(changed, &memory);
                ++accepted;
                // Whatever was accepted lies within the bytes.
                for (const TensorView& tensor : reader.tensors()) {
                    ASSERT_GE(tensor.data, changed.data());
                    ASSERT_LE(tensor.data + tensor.bytes, changed.data() + changed.size());
                }
            } catch (const Error& error) {
                ASSERT_EQ(error.code(), SAC_ERROR_MALFORMED_FILE) << error.what();
            }
        }
    EXPECT_GT(accepted, 0);
}

TEST(Safetensors, refusesBadHeaderLengths) {
    refusedBytes({}, {"0 bytes", "fewer than the 8"});
    std::vector<std::byte> file = makeFile("{}", 0);
    const auto withLength = [&](uint64_t length) {
        std::memcpy(file.data(), &length, 8);
        return file;
    };
    refusedBytes(withLength(3), {"header of 3 bytes in a file of 10"});
    refusedBytes(withLength(0), {"does not begin with '{'"});
    refusedBytes(withLength(10'000'000), {"header of 10000000 bytes in a file of 10"});
    refusedBytes(withLength(10'000'001), {"10000001 bytes exceeds the limit of 10000000"});
    TestMemory memory;
    expectError(SAC_ERROR_MALFORMED_FILE, {"header of 10000001 bytes in a file of 10"},
                [&] { Safetensors reader(withLength(10'000'001), &memory, safetensorsHeaderLimit); });
    refusedBytes(withLength(std::numeric_limits<uint64_t>::max()), {"18446744073709551615 bytes exceeds"});
    refusedBytes(withLength(std::numeric_limits<uint64_t>::max() - 7), {"exceeds the limit"});
}

TEST(Safetensors, refusesBadHeaders) {
    refused(" {}", 0, {"does not begin with '{'"});
    refused("[]", 0, {"does not begin with '{'"});
    refused("null", 0, {"does not begin with '{'"});
    refused("{", 0, {"safetensors header", "byte 1"});
    refused("{} x", 0, {"after the end"});
    refused(std::string_view("{}\0", 3), 0, {"after the end"});
    refused("{\"\xff\":1}", 0, {"byte 2", "UTF-8"});
    refused("{" + std::string(100, '['), 0, {"expected a key"});
    refused("{\"a\":" + std::string(100000, '['), 0, {"64 levels"});
    refused("{}", 1, {"1 bytes of data where the tensors take 0"});
    const std::string entry = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
    refused("{\"t\":" + entry + ",\"t\":" + entry + "}", 1, {"\"t\" appears twice"});
    refused("{\"t\":" + entry + ",\"\\u0074\":" + entry + "}", 1, {"\"t\" appears twice"});
    refused(R"({"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, {"\"dtype\" appears twice"});
}

TEST(Safetensors, refusesFloodsOfWhatNoHeaderHas) {
    const auto repeated = [](const std::string& head, const std::string& item, const std::string& tail) {
        std::string text = head;
        for (int i = 0; i < 100; ++i)
            text += std::string(i ? "," : "") + item;
        return text + tail;
    };
    const auto flood = [](const std::string& header) {
        refused(header, 0, {"more than 64 values that no header has"});
    };
    flood(repeated("{", "\"a\":1", "}"));
    flood(repeated("{\"t\":[", "0", "]}"));
    flood(repeated("{\"t\":{\"shape\":[", "0", "]}}"));
    flood(repeated("{\"t\":{\"shape\":[", "[]", "]}}"));
    flood(repeated("{\"t\":{", "\"a\":0", "}}"));
    flood(repeated("{\"t\":{\"shape\":{", "\"a\":{}", "}}}"));
    flood(repeated("{\"__metadata__\":{", "\"a\":0", "}}"));
}

TEST(Safetensors, refusesBadMetadata) {
    refused(R"({"__metadata__":[]})", 0, {"__metadata__", "an array of length 0 is not an object"});
    refused(R"({"__metadata__":"x"})", 0, {"__metadata__", "\"x\" is not an object"});
    refused(R"({"__metadata__":{"seed":5001}})", 0, {"__metadata__", "\"seed\"", "5001 is not a string"});
    refused(R"({"__metadata__":{"a":"b","c":null}})", 0, {"\"c\"", "null is not a string"});
    refused(R"({"__metadata__":{"a":{}}})", 0, {"\"a\"", "an object is not a string"});
}

TEST(Safetensors, refusesBadEntries) {
    refusedEntry("[1]", {"\"t\"", "an array of length 1 is not an object"});
    refusedEntry("null", {"\"t\"", "null is not an object"});
    refusedEntry(R"({"shape":[8],"data_offsets":[0,8]})", {"\"t\"", "\"dtype\" is missing"});
    refusedEntry(R"({"dtype":"U8","data_offsets":[0,8]})", {"\"t\"", "\"shape\" is missing"});
    refusedEntry(R"({"dtype":"U8","shape":[8]})", {"\"t\"", "\"data_offsets\" is missing"});

    for (const char* type : {"32", "null", "[\"U8\"]"})
        refusedEntry("{\"dtype\":" + std::string(type) + R"(,"shape":[8],"data_offsets":[0,8]})",
                     {"\"t\"", "dtype", "is not a string"});

    const auto shape = [](std::string_view text, std::initializer_list<std::string_view> parts) {
        refusedEntry("{\"dtype\":\"U8\",\"shape\":" + std::string(text) + ",\"data_offsets\":[0,8]}", parts);
    };
    for (const char* text : {"8", "null", "{}", "\"8\""})
        shape(text, {"\"t\"", "shape", "is not an array"});
    for (const char* text : {"[-8]", "[8.0]", "[\"8\"]", "[null]", "[true]", "[[8]]", "[8,-1]"})
        shape(text, {"\"t\"", "is not a non-negative integer"});
    shape("[1,1,1,1,1,1,1,1,8]", {"\"t\"", "9 dimensions, more than 8"});
    shape("[18446744073709551616]", {"64 bits"});
    shape("[9223372036854775807,9223372036854775807]", {"\"t\"", "overflows 64 bits"});
    shape("[4294967296,4294967296]", {"\"t\"", "overflows 64 bits"});
    shape("[4294967296,4294967296,0]", {"\"t\"", "overflows 64 bits"});
    shape("[9223372036854775807,3]", {"\"t\"", "overflows 64 bits"});
    shape("[7]", {"\"t\"", "8 bytes where shape and dtype need 7"});
    shape("[0]", {"8 bytes where shape and dtype need 0"});
    shape("[]", {"8 bytes where shape and dtype need 1"});
    refusedEntry(R"({"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,8]})", {"overflows 64 bits"});
    refusedEntry(R"({"dtype":"F32","shape":[8],"data_offsets":[0,8]})", {"8 bytes where shape and dtype need 32"});
}

TEST(Safetensors, refusesBadOffsets) {
    const auto offsets = [](std::string_view text, std::initializer_list<std::string_view> parts) {
        refusedEntry("{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":" + std::string(text) + "}", parts);
    };
    for (const char* text : {"[]", "[0]", "[0,8,8]", "8", "null", "\"0,8\"", "{}"})
        offsets(text, {"\"t\"", "are not two integers"});
    for (const char* text : {"[0,8.0]", "[-1,7]", "[\"0\",8]", "[null,8]", "[0,-8]"})
        offsets(text, {"\"t\"", "is not a non-negative integer"});
    offsets("[8,0]", {"\"t\"", "begin at 8, after their end 0"});
    offsets("[0,9]", {"\"t\"", "end at 9, beyond the 8 bytes"});
    offsets("[8,16]", {"\"t\"", "end at 16, beyond the 8 bytes"});
    offsets("[0,9223372036854775807]", {"\"t\"", "end at 9223372036854775807, beyond"});
    offsets("[9223372036854775799,9223372036854775807]", {"\"t\"", "beyond the 8 bytes"});
    offsets("[9223372036854775807,7]", {"\"t\"", "after their end"});
    offsets("[0,18446744073709551615]", {"64 bits"});
    offsets("[18446744073709551608,18446744073709551616]", {"64 bits"});
    offsets("[1,8]", {"\"t\"", "7 bytes where shape and dtype need 8"});
}

TEST(Safetensors, refusesGapsAndOverlaps) {
    const auto two = [](const char* a, const char* b) {
        return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(a) +
               R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + std::string(b) + "}}";
    };
    refused(two("[0,4]", "[5,9]"), 9, {"\"b\"", "begins at byte 5, leaving a gap after byte 4"});
    refused(two("[1,5]", "[5,9]"), 9, {"\"a\"", "begins at byte 1, leaving a gap after byte 0"});
    refused(two("[5,9]", "[0,4]"), 9, {"\"a\"", "begins at byte 5, leaving a gap after byte 4"});
    refused(two("[0,4]", "[3,7]"), 7, {"\"b\"", "begins at byte 3, inside the tensor that ends at 4"});
    refused(two("[3,7]", "[0,4]"), 7, {"\"a\"", "inside the tensor that ends at 4"});
    refused(two("[0,4]", "[0,4]"), 4, {"inside the tensor that ends at 4"});
    refused(two("[0,4]", "[4,8]"), 9, {"9 bytes of data where the tensors take 8"});
    refused(
        R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
        4, {"\"b\"", "inside the tensor"});
}

TEST(Safetensors, clipsNamesInMessages) {
    refused("{\"" + std::string(1000, 'n') + "\\n\":1}", 0, {std::string(96, 'n') + "\": 1 is not an object"});
}

template <class Stored>
TensorView viewOf(DataType type, const std::vector<Stored>& values) {
    TensorView view;
    view.name = "w";
    view.type = type;
    view.typeName = dataTypeName(type);
    view.shape = {values.size()};
    view.data = reinterpret_cast<const std::byte*>(values.data());
    view.bytes = values.size() * sizeof(Stored);
    return view;
}

TEST(ReadFloats, convertsEveryFloatType) {
    float out[4];
    readFloats(viewOf<float>(DataType::f32, {0.1f, -0.0f, 3e38f, 1e-45f}), out);
    EXPECT_EQ(out[0], 0.1f);
    EXPECT_TRUE(std::signbit(out[1]));
    EXPECT_EQ(out[2], 3e38f);
    EXPECT_EQ(out[3], std::numeric_limits<float>::denorm_min());
    readFloats(viewOf<uint16_t>(DataType::f16, {0x3c00, 0xbc00, 0x7bff, 0x0001}), out);
    EXPECT_EQ(out[0], 1.0f);
    EXPECT_EQ(out[1], -1.0f);
    EXPECT_EQ(out[2], 65504.0f);
    EXPECT_EQ(out[3], std::ldexp(1.0f, -24));
    readFloats(viewOf<uint16_t>(DataType::bf16, {0x3f80, 0xc049, 0x7f7f, 0x0001}), out);
    EXPECT_EQ(out[0], 1.0f);
    EXPECT_EQ(out[1], -3.140625f);
    EXPECT_EQ(out[2], std::bit_cast<float>(0x7f7f0000u));
    EXPECT_EQ(out[3], std::bit_cast<float>(0x00010000u));
    readFloats(viewOf<double>(DataType::f64, {0.1, 16777217.0, 1e-300, -2.5}), out);
    EXPECT_EQ(out[0], 0.1f);
    EXPECT_EQ(out[1], 16777216.0f); // a tie, to even
    EXPECT_EQ(out[2], 0.0f);
    EXPECT_EQ(out[3], -2.5f);
    readFloats(viewOf<float>(DataType::f32, {}), {});
}

TEST(ReadFloats, findsWhatIsNotFinite) {
    const float inf = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> out(3);
    const auto refusedView = [&](const TensorView& view, std::initializer_list<std::string_view> parts) {
        expectError(SAC_ERROR_INVALID_WEIGHTS, parts, [&] { readFloats(view, out); });
        EXPECT_NO_THROW(readFloats(view, out, NonFinite::accept));
    };
    refusedView(viewOf<float>(DataType::f32, {0, nan, 0}), {"\"w\"", "element 1 is nan"});
    refusedView(viewOf<float>(DataType::f32, {0, 1, inf}), {"\"w\"", "element 2 is inf"});
    refusedView(viewOf<float>(DataType::f32, {-inf, nan, inf}), {"element 0 is -inf"});
    EXPECT_EQ(out[0], -inf);
    EXPECT_TRUE(std::isnan(out[1]));
    refusedView(viewOf<uint16_t>(DataType::f16, {0, 0x7c00, 0}), {"element 1 is inf"});
    refusedView(viewOf<uint16_t>(DataType::f16, {0, 0, 0x7c01}), {"element 2 is nan"});
    refusedView(viewOf<uint16_t>(DataType::bf16, {0x7f80, 0, 0}), {"element 0 is inf"});
    refusedView(viewOf<uint16_t>(DataType::bf16, {0, 0x7f81, 0}), {"element 1 is nan"});
    refusedView(viewOf<double>(DataType::f64, {0, 0, 1e300}), {"element 2 is 1e+300", "32-bit"});
    EXPECT_EQ(out[2], inf);
    refusedView(viewOf<double>(DataType::f64, {0, std::nan(""), 0}), {"element 1 is nan"});
}

TEST(ReadFloats, refusesOtherTypesAndSizes) {
    std::vector<float> out(2);
    expectError(SAC_ERROR_INVALID_WEIGHTS, {"\"w\"", "type I32"}, [&] {
        readFloats(viewOf<int32_t>(DataType::i32, {1, 2}), out);
    });
    expectError(SAC_ERROR_INVALID_WEIGHTS, {"\"w\"", "type BOOL"}, [&] {
        readFloats(viewOf<uint8_t>(DataType::boolean, {1, 0}), out);
    });
    expectError(SAC_ERROR_INVALID_WEIGHTS, {"\"w\"", "3 elements where 2 are wanted"}, [&] {
        readFloats(viewOf<float>(DataType::f32, {1, 2, 3}), out);
    });
}

} // namespace
} // namespace saccade::test
