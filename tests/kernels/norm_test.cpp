// SPDX-License-Identifier: Apache-2.0
// normKernel and groupNormKernel against float64: rows that fill no vector, slices, statistics of large maps and of
// values far from zero.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "kernels/group_norm.hpp"
#include "kernels/rows.hpp"
#include "reference/random.hpp"
#include "support/kernel_runner.hpp"
#include "support/strided.hpp"

namespace saccade::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class Case>
std::string nameOf(const ::testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

struct NormCase {
    const char* name;
    NormDesc desc;
};

void PrintTo(const NormCase& c, std::ostream* stream) { *stream << c.name; }

NormDesc rows(NormKind kind, uint32_t batch, uint32_t tokens, uint32_t heads, uint32_t width, bool scale, bool shift) {
    NormDesc desc;
    desc.kind = kind;
    desc.batch = batch;
    desc.tokens = tokens;
    desc.heads = heads;
    desc.width = width;
    desc.source = desc.result = AttentionView::tokens(tokens, heads * width, width);
    desc.hasScale = scale;
    desc.hasShift = shift;
    return desc;
}

NormDesc viewed(NormDesc desc, AttentionView source, AttentionView result) {
    desc.source = source;
    desc.result = result;
    return desc;
}

NormDesc halves(NormDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

class Norm : public KernelTest, public ::testing::WithParamInterface<NormCase> {
protected:
    void expectNormalised(const DeviceProfile& mapping) {
        const NormDesc& desc = GetParam().desc;
        if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
        const auto view = [](const AttentionView& v) {
            return StridedView{v.offset, {0, 0, v.batchStride, v.tokenStride, v.headStride, 1}};
        };
        const Extents size{1, 1, desc.batch, desc.tokens, desc.heads, desc.width};
        const StridedView from = view(desc.source), to = view(desc.result);
        reference::Random random(31);
        Operand source(extentOf(from, size), nan, desc.storage), scale(desc.width, 0), shift(desc.width, 0);
        forEachElement(size, [&](const Extents& at) {
            source.values[placeOf(from, at)] = rounded(random.normal() + 0.5, desc.storage);
        });
        for (uint32_t i = 0; i < desc.width; ++i) {
            scale.values[i] = static_cast<float>(random.uniform(0.5, 2));
            shift.values[i] = static_cast<float>(random.normal());
        }
        Operand result(extentOf(to, size), untouched, desc.storage);
        std::vector<double> expected = result.values;
        Extents each = size;
        each[5] = 1;
        forEachElement(each, [&](const Extents& at) {
            const double* x = &source.values[placeOf(from, at)];
            double mean = 0, squares = 0;
            for (uint32_t i = 0; i < desc.width; ++i)
                mean += desc.kind == NormKind::layer ? x[i] / desc.width : 0;
            for (uint32_t i = 0; i < desc.width; ++i)
                squares += (x[i] - mean) * (x[i] - mean);
            const double length = desc.kind == NormKind::l2 ? std::max(std::sqrt(squares), double{desc.epsilon})
                                                            : std::sqrt(squares / desc.width + desc.epsilon);
            for (uint32_t i = 0; i < desc.width; ++i)
                expected[placeOf(to, at) + i] = (x[i] - mean) / length * (desc.hasScale ? scale.values[i] : 1) +
                                                (desc.hasShift ? shift.values[i] : 0);
        });
        std::vector<Operand*> operands{&source, &result};
        if (desc.hasScale)
            operands.push_back(&scale);
        if (desc.hasShift)
            operands.push_back(&shift);
        run(normKernel(desc, mapping), operands);
        expectElements(result.values, expected, desc.storage == DataType::f16 ? 5e-4 : 1e-6);
    }
};

TEST_P(Norm, agreesWithFloat64) { expectNormalised(profile()); }
TEST_P(Norm, agreesAsOnGpus) { expectNormalised(gpuProfile()); }

INSTANTIATE_TEST_SUITE_P(Shapes, Norm,
                         ::testing::Values(NormCase{"layer", rows(NormKind::layer, 2, 9, 1, 64, true, true)},
                                           NormCase{"layerOdd", rows(NormKind::layer, 2, 9, 1, 37, true, false)},
                                           NormCase{"layerPlain", rows(NormKind::layer, 1, 70, 1, 8, false, false)},
                                           NormCase{"layerWide", rows(NormKind::layer, 1, 3, 1, 1536, true, true)},
                                           NormCase{"rms", rows(NormKind::rms, 2, 9, 1, 64, true, false)},
                                           NormCase{"rmsOdd", rows(NormKind::rms, 1, 13, 3, 5, true, true)},
                                           NormCase{"rmsPlain", rows(NormKind::rms, 1, 13, 1, 772, false, false)},
                                           NormCase{"l2Heads", rows(NormKind::l2, 2, 7, 4, 24, true, false)},
                                           NormCase{"l2Plain", rows(NormKind::l2, 1, 7, 1, 33, false, false)},
                                           NormCase{"slices", viewed(rows(NormKind::rms, 2, 7, 1, 16, true, true),
                                                                     {4, 200, 0, 28}, {8, 300, 0, 32})},
                                           NormCase{"oddSlices", viewed(rows(NormKind::layer, 2, 7, 1, 16, true, true),
                                                                        {1, 200, 0, 27}, {8, 300, 0, 32})},
                                           NormCase{"halves", halves(rows(NormKind::rms, 2, 9, 1, 64, true, true))},
                                           NormCase{"halvesOdd",
                                                    halves(rows(NormKind::layer, 2, 9, 1, 37, true, true))}),
                         nameOf<NormCase>);

struct GroupCase {
    const char* name;
    GroupNormDesc desc;
    double mean = 0.5;
};

void PrintTo(const GroupCase& c, std::ostream* stream) { *stream << c.name; }

GroupNormDesc map(uint32_t batch, uint32_t tokens, uint32_t channels, uint32_t groups) {
    GroupNormDesc desc;
    desc.batch = batch;
    desc.tokens = tokens;
    desc.channels = channels;
    desc.groups = groups;
    return desc;
}

GroupNormDesc with(GroupNormDesc desc, bool scale, bool shift, Activation activation) {
    desc.hasScale = scale;
    desc.hasShift = shift;
    desc.activation = activation;
    return desc;
}

GroupNormDesc laid(GroupNormDesc desc, MatrixLayout source, MatrixLayout result) {
    desc.source = source;
    desc.result = result;
    return desc;
}

GroupNormDesc halves(GroupNormDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

class GroupNorm : public KernelTest, public ::testing::WithParamInterface<GroupCase> {
protected:
    void expectNormalised(const DeviceProfile& mapping) {
        const GroupNormDesc& desc = GetParam().desc;
        if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
        const auto view = [&](const MatrixLayout& layout) {
            const MatrixLayout l = layout.resolved(desc.tokens, desc.channels);
            return StridedView{l.offset, {0, 0, 0, l.batchStride, l.stride, 1}};
        };
        const Extents size{1, 1, 1, desc.batch, desc.tokens, desc.channels};
        const StridedView from = view(desc.source), to = view(desc.result);
        reference::Random random(37);
        Operand source(extentOf(from, size), nan, desc.storage), scale(desc.channels, 0), shift(desc.channels, 0);
        forEachElement(size, [&](const Extents& at) {
            // A slope over the tokens, so that chunks have means of their own.
            const double slope = 2.0 * at[4] / desc.tokens + 0.1 * at[5];
            source.values[placeOf(from, at)] = rounded(random.normal() + slope + GetParam().mean, desc.storage);
        });
        for (uint32_t i = 0; i < desc.channels; ++i) {
            scale.values[i] = static_cast<float>(random.uniform(0.5, 2));
            shift.values[i] = static_cast<float>(random.normal());
        }
        Operand result(extentOf(to, size), untouched, desc.storage);
        std::vector<double> expected = result.values;
        const uint32_t perGroup = desc.channels / desc.groups;
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t g = 0; g < desc.groups; ++g) {
                const Extents group{1, 1, 1, 1, desc.tokens, perGroup};
                const auto shifted = [&](Extents at) {
                    at[3] = b;
                    at[5] += g * perGroup;
                    return at;
                };
                const double count = double(desc.tokens) * perGroup;
                double mean = 0, squares = 0;
                forEachElement(group, [&](const Extents& at) { mean += source.values[placeOf(from, shifted(at))]; });
                mean /= count;
                forEachElement(group, [&](const Extents& at) {
                    const double d = source.values[placeOf(from, shifted(at))] - mean;
                    squares += d * d;
                });
                const double deviation = std::sqrt(squares / count + desc.epsilon);
                forEachElement(group, [&](const Extents& at) {
                    const Extents place = shifted(at);
                    const double value = (source.values[placeOf(from, place)] - mean) / deviation *
                                             (desc.hasScale ? scale.values[place[5]] : 1) +
                                         (desc.hasShift ? shift.values[place[5]] : 0);
                    expected[placeOf(to, place)] =
                        desc.activation == ActivationKind::relu ? std::max(value, 0.0) : value;
                });
            }
        run(groupNormKernel(desc, mapping),
            {&source, &result, desc.hasScale ? &scale : nullptr, desc.hasShift ? &shift : nullptr});
        // A float32 of a thousand has an error of 3e-5 itself.
        const double tolerance = desc.storage == DataType::f16 ? 5e-4 : 1e-6 * std::max(1.0, GetParam().mean / 20);
        expectElements(result.values, expected, tolerance);
    }
};

TEST_P(GroupNorm, agreesWithFloat64) { expectNormalised(profile()); }
TEST_P(GroupNorm, agreesAsOnGpus) { expectNormalised(gpuProfile()); }

INSTANTIATE_TEST_SUITE_P(
    Shapes, GroupNorm,
    ::testing::Values(GroupCase{"small", map(2, 35, 16, 4)}, GroupCase{"oneGroup", map(1, 77, 12, 1)},
                      GroupCase{"instance", map(2, 300, 8, 8)}, GroupCase{"oddChannels", map(2, 65, 15, 5)},
                      GroupCase{"groupsAcrossVectors", map(1, 1000, 24, 4)},
                      GroupCase{"plain", with(map(1, 50, 8, 2), false, false, ActivationKind::none)},
                      GroupCase{"activated", with(map(1, 50, 8, 2), true, true, ActivationKind::relu)},
                      GroupCase{"shiftOnly", with(map(1, 50, 6, 2), false, true, ActivationKind::relu)},
                      GroupCase{"large", map(1, 40000, 32, 8)}, GroupCase{"farFromZero", map(1, 5000, 16, 2), 1000},
                      GroupCase{"oneToken", map(3, 1, 16, 4)},
                      GroupCase{"slices", laid(map(2, 35, 16, 4), {false, 4, 24, 900}, {false, 8, 32, 1200})},
                      GroupCase{"oddSlices", laid(map(2, 35, 16, 4), {false, 3, 25, 900}, {false, 8, 32, 1200})},
                      GroupCase{"halves", halves(map(2, 35, 16, 4))}, GroupCase{"oddHalves", halves(map(1, 35, 9, 3))}),
    nameOf<GroupCase>);

} // namespace
} // namespace saccade::test
