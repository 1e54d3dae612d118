// SPDX-License-Identifier: Apache-2.0
// Where memory comes from: only from the resource handed in, never from global operator new, and every allocation may
// fail. The replaced operators below serve the whole test program.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "base/memory.hpp"
#include "io/config.hpp"
#include "io/safetensors.hpp"
#include "io/safetensors_writer.hpp"
#include "safetensors_file.hpp"
#include "test_memory.hpp"

namespace {

thread_local std::size_t globalAllocations = 0;

// For aligned forms, since C has no aligned allocation that every platform knows.
std::pmr::memory_resource& alignedHeap() {
    static saccade::HostMemory heap(nullptr);
    return heap;
}

// Not inlined: GCC would see only one of a pair's malloc and free and warn of a mismatch.
[[gnu::noinline]] void* countedAllocate(std::size_t size) {
    ++globalAllocations;
    void* memory = std::malloc(size ? size : 1);
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

[[gnu::noinline]] void* countedAllocate(std::size_t size, std::align_val_t alignment) {
    ++globalAllocations;
    return alignedHeap().allocate(size, static_cast<std::size_t>(alignment));
}

[[gnu::noinline]] void release(void* memory) noexcept { std::free(memory); }

[[gnu::noinline]] void release(void* memory, std::align_val_t alignment) noexcept {
    if (memory)
        alignedHeap().deallocate(memory, 0, static_cast<std::size_t>(alignment));
}

} // namespace

// Every form by itself: the address sanitizer's own do not forward to the plain ones as the standard's do. Nothrow
// forms may throw here, which ends the program; no test lets them run out of memory.
void* operator new(std::size_t size) { return countedAllocate(size); }
void* operator new[](std::size_t size) { return countedAllocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return countedAllocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return countedAllocate(size); }
void* operator new(std::size_t size, std::align_val_t a) { return countedAllocate(size, a); }
void* operator new[](std::size_t size, std::align_val_t a) { return countedAllocate(size, a); }
void* operator new(std::size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
    return countedAllocate(size, a);
}
void* operator new[](std::size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
    return countedAllocate(size, a);
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t a) noexcept { release(memory, a); }
void operator delete[](void* memory, std::align_val_t a) noexcept { release(memory, a); }
void operator delete(void* memory, std::size_t, std::align_val_t a) noexcept { release(memory, a); }
void operator delete[](void* memory, std::size_t, std::align_val_t a) noexcept { release(memory, a); }
void operator delete(void* memory, std::align_val_t a, const std::nothrow_t&) noexcept { release(memory, a); }
void operator delete[](void* memory, std::align_val_t a, const std::nothrow_t&) noexcept { release(memory, a); }

namespace saccade::test {
namespace {

// Enough of everything that all the containers grow and the arena needs several blocks.
const std::string& jsonText() {
    static const std::string text = [] {
        std::string out = R"({"escaped": "\u20ac\ud83d\ude00\n", "numbers": [1, 2.5, -3e7], "nested": )";
        for (int i = 0; i < 20; ++i)
            out += R"([{"key": )";
        out += "null";
        for (int i = 0; i < 20; ++i)
            out += "}]";
        for (int i = 0; i < 200; ++i)
            out += ", \"key number " + std::to_string(i) + "\": \"" + std::string(40, 'v') + "\"";
        return out + "}";
    }();
    return text;
}

const std::vector<std::byte>& fileBytes() {
    static const std::vector<std::byte> file = [] {
        std::string header = R"({"__metadata__":{"module":"Test"})";
        for (int i = 0; i < 100; ++i)
            header += ",\"layers." + std::to_string(i) +
                      ".weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + std::to_string(8 * i) + "," +
                      std::to_string(8 * i + 8) + "]}";
        return makeFile(header + "}", 800);
    }();
    return file;
}

void useJson(std::pmr::memory_resource* memory) {
    const JsonDocument document = parseJson(jsonText(), memory);
    const JsonDocument merged = mergeObjects(document.root(), document.root(), memory);
    std::pmr::string text(memory);
    appendJsonString(text, merged.root().find("key number 7")->asString());
}

void useConfig(std::pmr::memory_resource* memory) {
    const JsonDocument document = parseJson(
        R"({"a key longer than a short string holds": 1, "b": 2.5, "c": true, "d": "x", "e": [1, 2], "f": 3})", memory);
    static constexpr const char* choices[] = {"w", "x"};
    static constexpr Key keys[] = {
        Key::integer("a key longer than a short string holds", 0, 9, ""),
        Key::number("b", 0, 9, ""),
        Key::boolean("c", ""),
        Key::choice("d", choices, ""),
        Key::integers("e", {1, 3}, 0, 9, ""),
        Key::integers("f", {1, 3}, 0, 9, "").orOneNumber(),
        Key::integer("g", 0, 9, "").optional(),
        Key::ignored("another key longer than a short string holds", ""),
    };
    Config config(document.root(), {"config", keys}, memory);
    (void)config.integer("a key longer than a short string holds");
    (void)config.number("b");
    (void)config.boolean("c");
    (void)config.choice("d");
    (void)config.integers("e");
    (void)config.integers("f");
    (void)config.optionalInteger("g");
    (void)config.has("another key longer than a short string holds");
}

void useReader(std::pmr::memory_resource* memory) {
    Safetensors reader(fileBytes(), memory);
    const Safetensors moved = std::move(reader);
    float values[2];
    readFloats(*moved.find("layers.5.weight"), values, NonFinite::accept);
    (void)moved.metadata("module");
}

void useWriter(std::pmr::memory_resource* memory) {
    SafetensorsWriter writer(memory);
    static const float values[2] = {1, 2};
    const uint64_t shape[1] = {2};
    char name[] = "a name longer than a short string holds, number 00";
    for (int i = 0; i < 20; ++i) {
        name[sizeof(name) - 3] = static_cast<char>('0' + i / 10);
        name[sizeof(name) - 2] = static_cast<char>('0' + i % 10);
        writer.addTensor(name, DataType::f32, shape, std::as_bytes(std::span(values)));
        writer.addMetadata(name, name);
    }
    (void)writer.toBytes();
}

/// Every way to fail; the messages are made without heap too.
void useErrors(std::pmr::memory_resource* memory) {
    const std::span<const std::byte> file = fileBytes();
    const auto swallow = [](auto action) {
        try {
            action();
        } catch (const Error&) {
        }
    };
    swallow([&] { (void)parseJson(R"({"a": [1, 2, tru]})", memory); });
    swallow([&] { (void)parseJson(R"({"a": 1e999})", memory); });
    swallow([&] { (void)parseJson("{\"\xff\": 1}", memory); });
    swallow([&] { (void)parseJson(R"({"a": 1, "a": 2})", memory); });
    swallow([&] {
        const JsonDocument document = parseJson(R"({"a": "b"})", memory);
        (void)Config(document.root(), {"config"}, memory);
    });
    swallow([&] {
        const JsonDocument document = parseJson(R"({"a": "b"})", memory);
        static constexpr Key keys[] = {Key::integer("a", 0, 1, "")};
        (void)Config(document.root(), {"config", keys}, memory).integer("a");
    });
    swallow([&] { Safetensors cut(file.first(20), memory); });
    swallow([&] { Safetensors cut(file.first(file.size() - 1), memory); });
    swallow([&] {
        const Safetensors reader(fileBytes(), memory);
        float wrong[1];
        readFloats(reader.tensors()[0], wrong);
    });
}

class Allocation : public testing::TestWithParam<void (*)(std::pmr::memory_resource*)> {};

TEST_P(Allocation, neverFromGlobalNew) {
    (void)jsonText();
    (void)fileBytes();
    TestMemory memory;
    const std::size_t before = globalAllocations;
    GetParam()(&memory);
    EXPECT_EQ(globalAllocations, before);
    EXPECT_GT(memory.allocations(), 0u);
    EXPECT_EQ(memory.liveCount(), 0u);
}

TEST_P(Allocation, mayFailAtEveryPlace) { EXPECT_GT(failEveryAllocation(GetParam()), 3u); }

std::string nameOfUse(const testing::TestParamInfo<void (*)(std::pmr::memory_resource*)>& use) {
    static const char* const names[] = {"json", "config", "reader", "writer", "errors"};
    return names[use.index];
}

INSTANTIATE_TEST_SUITE_P(Io, Allocation, testing::Values(useJson, useConfig, useReader, useWriter, useErrors),
                         nameOfUse);

// The counter itself counts, or the tests above would prove nothing.
TEST(AllocationCounter, seesGlobalNew) {
    const std::size_t before = globalAllocations;
    // Called by name: a compiler may leave out the allocations of new expressions and containers.
    const std::align_val_t wide{128};
    ::operator delete(::operator new(10));
    ::operator delete[](::operator new[](10));
    ::operator delete(::operator new(10, std::nothrow));
    ::operator delete[](::operator new[](10, std::nothrow));
    ::operator delete(::operator new(10, wide), wide);
    ::operator delete[](::operator new[](10, wide), wide);
    ::operator delete(::operator new(10, wide, std::nothrow), wide);
    ::operator delete[](::operator new[](10, wide, std::nothrow), wide);
    EXPECT_EQ(globalAllocations, before + 8);
}

} // namespace
} // namespace saccade::test
