// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/data_type.hpp"
#include "base/error.hpp"
#include "base/memory.hpp"
#include "expect_error.hpp"
#include "test_memory.hpp"

namespace saccade::test {
namespace {

TEST(Error, formatsIntoItself) {
    const Error error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": %d is not divisible by \"%s\": %d", "heads", 6,
                      "offset_groups", 4);
    EXPECT_EQ(error.code(), SAC_ERROR_INVALID_CONFIG);
    EXPECT_STREQ(error.what(), "config \"heads\": 6 is not divisible by \"offset_groups\": 4");
    static_assert(std::is_nothrow_copy_constructible_v<Error>);
    const Error copy = error;
    EXPECT_STREQ(copy.what(), error.what());
}

TEST(Error, cutsLongMessagesBetweenCharacters) {
    for (std::size_t ascii = 500; ascii < 520; ++ascii) {
        const std::string text = std::string(ascii, 'a') + "\u20ac\U0001f600\u00e9";
        const std::string message = Error(SAC_ERROR_INTERNAL, "%s", text.c_str()).what();
        ASSERT_LT(message.size(), Error::messageCapacity);
        EXPECT_EQ(text.substr(0, message.size()), message);
        // The next byte begins a character (or is the end), so none was cut in two.
        EXPECT_NE(static_cast<unsigned char>(text.c_str()[message.size()]) & 0xc0, 0x80) << ascii;
        EXPECT_GE(message.size() + 4, std::min<std::size_t>(text.size(), 511)) << ascii;
    }
}

TEST(Error, keepsMessagesOnOneLine) {
    EXPECT_STREQ(Error(SAC_ERROR_INTERNAL, "%s", "a\nb\x1b[0m\x7f\u00e9").what(), "a?b?[0m?\u00e9");
}

TEST(Error, clipKeepsCharactersWhole) {
    EXPECT_EQ(clip("abc", 10), 3);
    EXPECT_EQ(clip("abc", 2), 2);
    EXPECT_EQ(clip("a\u20ac", 4), 4);
    EXPECT_EQ(clip("a\u20ac", 3), 1);
    EXPECT_EQ(clip("a\u20ac", 2), 1);
    EXPECT_EQ(clip("", 2), 0);
}

TEST(DataType, namesAndSizes) {
    // Sizes and spellings from the format's description.
    const std::vector<std::pair<const char*, std::size_t>> all = {
        {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"U8", 1},  {"I8", 1}, {"BOOL", 1},
        {"I32", 4}, {"U32", 4}, {"I64", 8},  {"U64", 8}, {"I16", 2}, {"U16", 2}};
    for (const auto& [name, size] : all) {
        const std::optional<DataType> type = parseDataType(name);
        ASSERT_TRUE(type) << name;
        EXPECT_STREQ(dataTypeName(*type), name);
        EXPECT_EQ(dataTypeSize(*type), size) << name;
    }
    EXPECT_EQ(parseDataType("F64"), DataType::f64);
    EXPECT_EQ(parseDataType("BOOL"), DataType::boolean);
    EXPECT_EQ(parseDataType("U16"), DataType::u16);
    for (const char* name : {"", "f32", "F8_E4M3", "F32 ", "F"})
        EXPECT_FALSE(parseDataType(name)) << name;
}

struct Callbacks {
    std::size_t allocated = 0;
    std::size_t freed = 0;
    std::size_t lastAlignment = 0;
    bool fail = false;
    HostMemory heap{nullptr};

    VkAllocationCallbacks functions() {
        VkAllocationCallbacks callbacks{};
        callbacks.pUserData = this;
        callbacks.pfnAllocation = [](void* user, size_t size, size_t alignment,
                                     VkSystemAllocationScope scope) -> void* {
            auto* self = static_cast<Callbacks*>(user);
            EXPECT_EQ(scope, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
            EXPECT_GT(size, 0u);
            if (self->fail)
                return nullptr;
            ++self->allocated;
            self->lastAlignment = alignment;
            return self->heap.allocate(size, alignment);
        };
        callbacks.pfnReallocation = [](void*, void*, size_t, size_t, VkSystemAllocationScope) -> void* {
            ADD_FAILURE() << "nothing here reallocates";
            return nullptr;
        };
        callbacks.pfnFree = [](void* user, void* memory) {
            ++static_cast<Callbacks*>(user)->freed;
            static_cast<Callbacks*>(user)->heap.deallocate(memory, 0);
        };
        return callbacks;
    }
};

TEST(HostMemory, goesThroughTheCallbacks) {
    Callbacks state;
    VkAllocationCallbacks functions = state.functions();
    HostMemory memory(&functions);
    std::memset(&functions, 0, sizeof(functions)); // the callbacks were copied
    ASSERT_NE(memory.callbacks(), nullptr);
    EXPECT_EQ(memory.callbacks()->pUserData, &state);

    void* block = memory.allocate(100, 64);
    EXPECT_EQ(state.lastAlignment, 64u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    memory.deallocate(block, 100, 64);
    memory.deallocate(memory.allocate(0, 8), 0, 8);
    EXPECT_EQ(state.allocated, 2u);
    EXPECT_EQ(state.freed, 2u);

    state.fail = true;
    EXPECT_THROW((void)memory.allocate(1, 1), std::bad_alloc);
}

TEST(HostMemory, refusesMemoryThatIsNotAligned) {
    struct State {
        alignas(64) std::byte place[256];
        int freed = 0;
    } state;
    VkAllocationCallbacks functions{};
    functions.pUserData = &state;
    functions.pfnAllocation = [](void* self, std::size_t, std::size_t, VkSystemAllocationScope) -> void* {
        return static_cast<State*>(self)->place + 8;
    };
    functions.pfnReallocation = [](void*, void*, std::size_t, std::size_t, VkSystemAllocationScope) -> void* {
        return nullptr;
    };
    functions.pfnFree = [](void* self, void* memory) {
        EXPECT_EQ(memory, static_cast<State*>(self)->place + 8);
        ++static_cast<State*>(self)->freed;
    };
    HostMemory memory(&functions);
    memory.deallocate(memory.allocate(10, 8), 10, 8);
    EXPECT_EQ(state.freed, 1);
    expectError(SAC_ERROR_OUT_OF_HOST_MEMORY, {"pfnAllocation", "not aligned to 16 bytes"},
                [&] { (void)memory.allocate(10, 16); });
    EXPECT_EQ(state.freed, 2) << "given back";
}

TEST(HostMemory, takesExceptionsForFailures) {
    VkAllocationCallbacks functions{};
    functions.pfnAllocation = [](void*, std::size_t, std::size_t, VkSystemAllocationScope) -> void* { throw 1; };
    functions.pfnReallocation = [](void*, void*, std::size_t, std::size_t, VkSystemAllocationScope) -> void* {
        throw 1;
    };
    functions.pfnFree = [](void*, void*) { throw 1; };
    HostMemory memory(&functions);
    EXPECT_THROW((void)memory.allocate(10, 8), std::bad_alloc);
    std::byte place[8];
    memory.deallocate(place, 8, 8); // as a destructor would
}

TEST(HostMemory, hasADefault) {
    HostMemory memory(nullptr);
    EXPECT_EQ(memory.callbacks(), nullptr);
    for (const std::size_t alignment : {1, 2, 16, 64, 4096}) {
        void* block = memory.allocate(10, alignment);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignment, 0u);
        std::memset(block, 1, 10);
        memory.deallocate(block, 10, alignment);
    }
    HostMemory other(nullptr);
    EXPECT_TRUE(memory.is_equal(memory));
    EXPECT_FALSE(memory.is_equal(other));
}

TEST(HostMemory, refusesIncompleteCallbacks) {
    Callbacks state;
    const auto refused = [&](const char* name, auto member) {
        VkAllocationCallbacks functions = state.functions();
        functions.*member = nullptr;
        expectError(SAC_ERROR_INVALID_ARGUMENT, {name}, [&] { HostMemory memory(&functions); });
    };
    refused("pfnAllocation", &VkAllocationCallbacks::pfnAllocation);
    refused("pfnReallocation", &VkAllocationCallbacks::pfnReallocation);
    refused("pfnFree", &VkAllocationCallbacks::pfnFree);
}

struct alignas(32) Object {
    Object(int* count, bool fail) : count_(count) {
        if (fail)
            throw std::runtime_error("constructor");
        ++*count_;
    }
    ~Object() { --*count_; }
    int* count_;
};

TEST(HostMemory, createsAndDestroysObjects) {
    TestMemory memory;
    int count = 0;
    Object* object = create<Object>(&memory, &count, false);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(object) % 32, 0u);
    EXPECT_EQ(count, 1);
    destroy(&memory, object);
    destroy<Object>(&memory, nullptr);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(memory.liveCount(), 0u);

    EXPECT_THROW((void)create<Object>(&memory, &count, true), std::runtime_error);
    EXPECT_EQ(memory.liveCount(), 0u);
    {
        UniquePtr<Object> owner = makeUnique<Object>(&memory, &count, false);
        UniquePtr<Object> next = std::move(owner);
        EXPECT_EQ(count, 1);
        UniquePtr<Object> empty;
    }
    EXPECT_EQ(count, 0);
}

} // namespace
} // namespace saccade::test
