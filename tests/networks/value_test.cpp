// SPDX-License-Identifier: Apache-2.0
// Views of values as kernels need them: strides of dimensions of one index keep vectors of four aligned, as
// torch.Tensor's stride() has them for dense tensors.
#include "modules/network/value.hpp"

#include <gtest/gtest.h>

namespace saccade::network {
namespace {

Value lying(const Shape& shape, const Strides& strides) {
    Value value;
    value.shape = shape;
    value.strides = strides;
    return value;
}

TEST(Reshaped, oneBatchOfAMapStepsOverIt) {
    const Shape shape{1, 12, 5, 7};
    EXPECT_EQ(reshaped(lying(shape, channelsLastStrides(shape)), {1, 12, 35})->strides, (Strides{420, 1, 12}));
    EXPECT_EQ(reshaped(lying(shape, contiguousStrides(shape)), {1, 12, 35})->strides, (Strides{420, 35, 1}));
}

TEST(Reshaped, oneBatchOfASliceStepsOverItsWhole) {
    const Shape whole{1, 16, 5, 7};
    const Value slice = sliced(lying(whole, channelsLastStrides(whole)), 1, 4, 9);
    const Value flat = *reshaped(slice, {1, 9, 35});
    EXPECT_EQ(flat.offset, 4u);
    EXPECT_EQ(flat.strides, (Strides{560, 1, 16}));
}

TEST(Reshaped, joinsAndSplitsWhatLiesAsOne) {
    EXPECT_EQ(reshaped(lying({2, 3, 4}, {12, 4, 1}), {6, 2, 2})->strides, (Strides{4, 2, 1}));
    EXPECT_FALSE(reshaped(lying({2, 3, 4}, {16, 4, 1}), {6, 4}));
    EXPECT_FALSE(reshaped(lying({4, 3}, {1, 4}), {12}));
}

} // namespace
} // namespace saccade::network
