// SPDX-License-Identifier: Apache-2.0
// What kernel tests need of strided views: where elements lie, and a look at all of them.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "kernels/views.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {

inline std::size_t placeOf(const StridedView& view, const Extents& at) {
    std::size_t place = view.offset;
    for (uint32_t axis = 0; axis < maxAxes; ++axis)
        place += std::size_t{at[axis]} * view.strides[axis];
    return place;
}

/// Elements that a tensor has up to and with the view's last one.
inline std::size_t extentOf(const StridedView& view, const Extents& size) {
    Extents last{};
    for (uint32_t axis = 0; axis < maxAxes; ++axis)
        last[axis] = size[axis] - 1;
    return placeOf(view, last) + 1;
}

/// Calls visit(indices) for every element, the last axis fastest.
template <class Visit>
void forEachElement(const Extents& size, Visit visit) {
    Extents at{};
    for (uint64_t count = elementCount(size); count > 0; --count) {
        visit(at);
        for (uint32_t axis = maxAxes; axis-- > 0;) {
            if (++at[axis] < size[axis])
                break;
            at[axis] = 0;
        }
    }
}

/// Expects what was written within `tolerance`, as relativeError, and nothing else written: `expected` is `untouched`
/// there.
inline void expectElements(const std::vector<double>& result, const std::vector<double>& expected, double tolerance) {
    ASSERT_EQ(result.size(), expected.size());
    std::vector<double> written, wanted;
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (expected[i] == untouched) {
            ASSERT_EQ(result[i], untouched) << "a write between elements, at " << i;
        } else {
            written.push_back(result[i]);
            wanted.push_back(expected[i]);
        }
    EXPECT_LE(relativeError(written, wanted), tolerance);
}

} // namespace saccade::test
