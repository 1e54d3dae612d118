// SPDX-License-Identifier: Apache-2.0
// The golden vectors are files of another writer (PyTorch's side): all of them have to be readable, whole and finite.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/config.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

std::vector<std::filesystem::path> goldenFiles() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(SACCADE_TEST_DATA "/golden"))
        if (entry.path().extension() == ".safetensors")
            files.push_back(entry.path());
    return files;
}

std::vector<std::byte> readFile(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    const std::vector<char> text((std::istreambuf_iterator<char>(stream)), {});
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

TEST(Golden, everyFileReads) {
    const auto files = goldenFiles();
    EXPECT_EQ(files.size(), 95u);
    for (const auto& path : files) {
        SCOPED_TRACE(path.filename().string());
        TestMemory memory;
        const std::vector<std::byte> bytes = readFile(path);
        const Safetensors reader(bytes, &memory);
        ASSERT_TRUE(reader.metadata("module") && reader.metadata("config"));
        const JsonDocument document = parseJson(*reader.metadata("config"), &memory);
        EXPECT_TRUE(document.root().isObject());

        std::size_t outputs = 0;
        uint64_t total = 0;
        SafetensorsWriter writer(&memory);
        for (const TensorView& tensor : reader.tensors()) {
            total += tensor.bytes;
            outputs += tensor.name.starts_with("out.") ? 1 : 0;
            if (tensor.type == DataType::f32) {
                std::vector<float> values(tensor.elementCount());
                EXPECT_NO_THROW(readFloats(tensor, values));
            }
            writer.addTensor(tensor.name, tensor.type, {tensor.shape.data(), tensor.shape.size()},
                             {tensor.data, tensor.bytes});
        }
        EXPECT_GT(outputs, 0u);
        uint64_t headerBytes = 0;
        std::memcpy(&headerBytes, bytes.data(), 8);
        EXPECT_EQ(8 + headerBytes + total, bytes.size());

        // Written again, every tensor keeps its bytes.
        const auto rewritten = writer.toBytes();
        const Safetensors again(rewritten, &memory);
        ASSERT_EQ(again.tensors().size(), reader.tensors().size());
        for (const TensorView& tensor : reader.tensors()) {
            const TensorView* copy = again.find(tensor.name);
            ASSERT_NE(copy, nullptr);
            EXPECT_EQ(copy->type, tensor.type);
            EXPECT_EQ(copy->shape, tensor.shape);
            EXPECT_EQ(std::memcmp(copy->data, tensor.data, tensor.bytes), 0);
        }
    }
}

} // namespace
} // namespace saccade::test
