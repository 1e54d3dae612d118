// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "expect_error.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "safetensors_file.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

constexpr std::array<std::byte, 64> zeros{};

std::span<const std::byte> bytes(std::size_t count) { return std::span(zeros).first(count); }

std::string headerOf(std::span<const std::byte> file) {
    uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    return std::string(reinterpret_cast<const char*>(file.data()) + 8, length);
}

TEST(SafetensorsWriter, writesWhatUpstreamWrites) {
    // Headers as upstream's own tests expect them.
    TestMemory memory;
    {
        SafetensorsWriter writer(&memory);
        EXPECT_EQ(headerOf(writer.toBytes()), "{}      ");
        writer.addMetadata("framework", "pt");
        const auto file = writer.toBytes();
        EXPECT_EQ(headerOf(file), R"({"__metadata__":{"framework":"pt"}}     )");
        EXPECT_EQ(file.size(), 48u);
    }
    for (const auto& [name, rank, header] :
         {std::tuple("attn.0", 3, R"({"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}})"),
          std::tuple("attn0", 4, R"({"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       )")}) {
        const float values[6] = {0, 1, 2, 3, 4, 5};
        const uint64_t shape[4] = {1, 1, 2, 3};
        SafetensorsWriter writer(&memory);
        writer.addTensor(name, DataType::f32, std::span(shape).last(static_cast<std::size_t>(rank)),
                         std::as_bytes(std::span(values)));
        const auto file = writer.toBytes();
        EXPECT_EQ(headerOf(file), header);
        ASSERT_EQ(file.size(), 8 + std::strlen(header) + 24);
        EXPECT_EQ(std::memcmp(file.data() + 8 + std::strlen(header), values, 24), 0);
    }
}

TEST(SafetensorsWriter, ordersByAlignmentThenName) {
    TestMemory memory;
    SafetensorsWriter writer(&memory);
    const uint64_t one[1] = {1};
    const DataType types[] = {DataType::boolean, DataType::f32,  DataType::u8,  DataType::i64, DataType::f16,
                              DataType::i32,     DataType::bf16, DataType::f64, DataType::u16, DataType::i8,
                              DataType::u64,     DataType::u32,  DataType::i16};
    for (const DataType type : types)
        for (const char* name : {".b", ".a"})
            writer.addTensor(std::string(dataTypeName(type)) + name, type, one, bytes(dataTypeSize(type)));
    const auto file = writer.toBytes();
    EXPECT_EQ(headerOf(file).size() % 8, 0u);

    const Safetensors reader(file, &memory);
    std::vector<TensorView> tensors(reader.tensors().begin(), reader.tensors().end());
    std::sort(tensors.begin(), tensors.end(), [](const TensorView& a, const TensorView& b) { return a.data < b.data; });
    std::vector<std::string> names;
    for (const TensorView& tensor : tensors) {
        names.emplace_back(tensor.name);
        const auto offset = static_cast<std::size_t>(tensor.data - file.data());
        EXPECT_EQ(offset % dataTypeSize(tensor.type), 0u) << tensor.name;
    }
    // Upstream's order of types, reversed.
    std::vector<std::string> expected;
    for (const char* type : {"U64", "I64", "F64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16", "I8", "U8", "BOOL"})
        for (const char* name : {".a", ".b"})
            expected.push_back(std::string(type) + name);
    EXPECT_EQ(names, expected);
}

TEST(SafetensorsWriter, roundTrips) {
    TestMemory memory;
    SafetensorsWriter writer(&memory);
    const std::string name = "a \"quoted\"\n\u20ac\\name";
    std::array<std::byte, 24> data;
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::byte>(i * 7);
    const uint64_t shape[3] = {2, 1, 3};
    const uint64_t empty[2] = {0, 5};
    writer.addTensor(name, DataType::i32, shape, data);
    writer.addTensor("scalar", DataType::u16, {}, bytes(2));
    writer.addTensor("empty", DataType::f64, empty, {});
    writer.addMetadata("config", R"({"dim": 4})");
    writer.addMetadata("", "");
    const auto file = writer.toBytes();

    const Safetensors reader(file, &memory);
    ASSERT_EQ(reader.tensors().size(), 3u);
    const TensorView* tensor = reader.find(name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->type, DataType::i32);
    EXPECT_EQ(tensor->shape, (TensorShape{2, 1, 3}));
    EXPECT_EQ(std::memcmp(tensor->data, data.data(), data.size()), 0);
    EXPECT_EQ(reader.find("scalar")->shape.size(), 0u);
    EXPECT_EQ(reader.find("empty")->shape, (TensorShape{0, 5}));
    EXPECT_EQ(reader.metadata("config"), R"({"dim": 4})");
    EXPECT_EQ(reader.metadata(""), "");
}

TEST(SafetensorsWriter, streamsTheSameBytes) {
    TestMemory memory;
    SafetensorsWriter writer(&memory);
    const uint64_t shape[1] = {4};
    writer.addTensor("b", DataType::f32, shape, bytes(16));
    writer.addTensor("a", DataType::u8, shape, bytes(4));
    std::vector<std::byte> streamed;
    writer.write(
        [](void* user, std::span<const std::byte> piece) {
            auto& out = *static_cast<std::vector<std::byte>*>(user);
            out.insert(out.end(), piece.begin(), piece.end());
        },
        &streamed);
    const auto file = writer.toBytes();
    EXPECT_TRUE(std::equal(file.begin(), file.end(), streamed.begin(), streamed.end()));
}

TEST(SafetensorsWriter, refusesWhatCannotBeWritten) {
    TestMemory memory;
    SafetensorsWriter writer(&memory);
    const uint64_t shape[1] = {4};
    writer.addTensor("a", DataType::u8, shape, bytes(4));
    writer.addMetadata("key", "value");
    const auto refused = [](std::initializer_list<std::string_view> parts, auto action) {
        expectError(SAC_ERROR_INVALID_ARGUMENT, parts, action);
    };
    refused({"\"a\" given twice"}, [&] { writer.addTensor("a", DataType::f32, shape, bytes(16)); });
    refused({"\"__metadata__\""}, [&] { writer.addTensor("__metadata__", DataType::u8, shape, bytes(4)); });
    refused({"tensor name", "UTF-8"}, [&] { writer.addTensor("\xff", DataType::u8, shape, bytes(4)); });
    refused({"\"b\"", "3 bytes of data"}, [&] { writer.addTensor("b", DataType::u8, shape, bytes(3)); });
    refused({"\"b\"", "4 bytes of data"}, [&] { writer.addTensor("b", DataType::f32, shape, bytes(4)); });
    const uint64_t huge[2] = {uint64_t{1} << 33, uint64_t{1} << 31};
    refused({"\"b\"", "0 bytes of data"}, [&] { writer.addTensor("b", DataType::u8, huge, {}); });
    const uint64_t deep[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    refused({"\"b\"", "9 dimensions"}, [&] { writer.addTensor("b", DataType::u8, deep, bytes(1)); });
    refused({"\"key\" given twice"}, [&] { writer.addMetadata("key", "other"); });
    refused({"metadata key", "UTF-8"}, [&] { writer.addMetadata("\xc3", ""); });
    refused({"metadata value", "UTF-8"}, [&] { writer.addMetadata("k", "\xed\xa0\x80"); });

    // Refused additions left nothing behind.
    const auto file = writer.toBytes();
    const Safetensors reader(file, &memory);
    EXPECT_EQ(reader.tensors().size(), 1u);
    EXPECT_EQ(reader.metadata().size(), 1u);
}

} // namespace
} // namespace saccade::test
