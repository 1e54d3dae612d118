// SPDX-License-Identifier: Apache-2.0
// Sizes that pass 64 and 32 bits on their way from shapes to dispatches.
#include "graph/graph.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory_resource>

#include "base/error.hpp"

namespace saccade::test {
namespace {

void expectUnsupported(const std::function<void()>& action) {
    try {
        action();
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), SAC_ERROR_UNSUPPORTED) << error.what();
    }
}

TEST(Sizes, areCheckedProducts) {
    EXPECT_EQ(elementCount({}), 1u);
    EXPECT_EQ(elementCount({3, 5, 7}), 105u);
    EXPECT_EQ(elementCount({uint64_t{1} << 31, uint64_t{1} << 32}), uint64_t{1} << 63);
    EXPECT_EQ(byteCount({3, 5}, DataType::f16), 30u);
    EXPECT_EQ(byteCount({uint64_t{1} << 60}, DataType::i64), uint64_t{1} << 63);
    expectUnsupported([] { elementCount({uint64_t{1} << 32, uint64_t{1} << 32}); });
    expectUnsupported([] { elementCount({(uint64_t{1} << 32) + 1, uint64_t{1} << 31}); });
    expectUnsupported([] { byteCount({(uint64_t{1} << 60) + 1}, DataType::i64); });
    Graph graph(std::pmr::new_delete_resource(), 64);
    expectUnsupported([&] { graph.intermediate("t", DataType::f32, {uint64_t{1} << 31, uint64_t{1} << 31}); });
    EXPECT_TRUE(graph.tensors().empty());
}

TEST(Sizes, ofDispatchesFit32Bits) {
    EXPECT_EQ(divideUp(0, 8), 0u);
    EXPECT_EQ(divideUp(1, 8), 1u);
    EXPECT_EQ(divideUp(8, 8), 1u);
    EXPECT_EQ(divideUp(9, 8), 2u);
    EXPECT_EQ(divideUp(~uint64_t{0}, (uint64_t{1} << 32) + 1), ~uint32_t{0}); // (2^32 - 1) (2^32 + 1) = 2^64 - 1
    expectUnsupported([] { divideUp(uint64_t{1} << 32, 1); });
    expectUnsupported([] { divideUp(~uint64_t{0}, 2); });
}

} // namespace
} // namespace saccade::test
