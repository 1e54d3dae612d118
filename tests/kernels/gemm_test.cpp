// SPDX-License-Identifier: Apache-2.0
// gemm against float64: sizes that fill no tile, layouts, epilogues, and the GPU's mapping as well as the CPU's.
#include "kernels/gemm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reference/random.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

struct Case {
    const char* name;
    GemmDesc desc;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }
std::string nameOf(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

GemmDesc product(uint32_t batch, uint32_t rows, uint32_t columns, uint32_t depth, uint32_t groups = 1) {
    GemmDesc desc;
    desc.batch = batch;
    desc.rows = rows;
    desc.columns = columns;
    desc.depth = depth;
    desc.groups = groups;
    return desc;
}

GemmDesc with(GemmDesc desc, Activation activation, bool bias, bool residual, float alpha = 1) {
    desc.activation = activation;
    desc.bias = bias;
    desc.hasResidual = residual;
    desc.alpha = alpha;
    return desc;
}

GemmDesc laid(GemmDesc desc, const MatrixLayout& a, const MatrixLayout& out, MatrixLayout residual = {}) {
    desc.a = a;
    desc.out = out;
    desc.residual = residual;
    desc.residual.channelMajor = out.channelMajor;
    return desc;
}

// A weight for each batch entry, `gap` elements behind the one before.
GemmDesc weightEach(GemmDesc desc, uint32_t gap) {
    desc.weightBatchStride = gemmWeightElements(desc) + gap;
    return desc;
}

GemmDesc halves(GemmDesc desc) {
    desc.storage = DataType::f16;
    return desc;
}

double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

double activated(Activation activation, double x) {
    switch (activation.kind) {
    case ActivationKind::relu:
        return std::max(x, 0.0);
    case ActivationKind::gelu:
        return gelu(x);
    case ActivationKind::tanh:
        return std::tanh(x);
    case ActivationKind::leakyRelu:
        return x < 0 ? static_cast<double>(activation.a) * x : x;
    default:
        return x;
    }
}

// A description's operands, filled at random; NaN wherever A has nothing to read.
class Product {
public:
    explicit Product(const GemmDesc& desc)
        : desc_(desc), width_(desc.activation == ActivationKind::geglu ? desc.columns / 2 : desc.columns),
          layoutA_(desc.a.resolved(desc.rows, desc.groups * desc.depth)),
          layoutOut_(desc.out.resolved(desc.rows, desc.groups * width_)),
          layoutResidual_(desc.residual.resolved(desc.rows, desc.groups * width_)),
          a(extent(layoutA_), std::numeric_limits<double>::quiet_NaN(), desc.storage),
          weight(gemmWeightElements(desc) + (desc.batch - 1) * desc.weightBatchStride, 0, desc.storage),
          bias(std::size_t{desc.groups} * desc.columns, 0), residual(extent(layoutResidual_), 0, desc.storage),
          out(extent(layoutOut_), untouched, desc.storage) {
        reference::Random random(desc.rows * 1000 + desc.columns);
        for (uint32_t b = 0; b < desc.batch; ++b)
            for (uint32_t m = 0; m < desc.rows; ++m)
                for (uint32_t c = 0; c < desc.groups * desc.depth; ++c)
                    a.values[at(layoutA_, b, m, c)] = rounded(random.normal(), desc.storage);
        plainWeight_.resize(std::size_t{desc.weightBatchStride ? desc.batch : 1} * plainWeights());
        for (float& value : plainWeight_)
            value = static_cast<float>(rounded(random.normal() / std::sqrt(desc.depth), desc.storage));
        for (double& value : bias.values)
            value = random.normal();
        for (double& value : residual.values)
            value = rounded(random.normal(), desc.storage);
        std::vector<float> packed(gemmWeightElements(desc));
        for (std::size_t b = 0; b * plainWeights() < plainWeight_.size(); ++b) {
            packGemmWeight<float>(desc, std::span(plainWeight_).subspan(b * plainWeights(), plainWeights()), packed);
            std::ranges::copy(packed, weight.values.begin() + static_cast<std::ptrdiff_t>(b * desc.weightBatchStride));
        }
    }

    // By the header's definition, in the places where the result belongs.
    std::vector<double> expected() const {
        std::vector<double> result(out.values.size(), untouched);
        for (uint32_t b = 0; b < desc_.batch; ++b)
            for (uint32_t m = 0; m < desc_.rows; ++m)
                for (uint32_t g = 0; g < desc_.groups; ++g)
                    for (uint32_t n = 0; n < width_; ++n) {
                        const uint32_t channel = g * width_ + n;
                        double value = activated(desc_.activation, sum(b, m, g, n));
                        if (desc_.activation == ActivationKind::geglu)
                            value *= gelu(sum(b, m, g, n + width_));
                        value *= desc_.alpha;
                        if (desc_.hasResidual)
                            value += residual.values[at(layoutResidual_, b, m, channel)];
                        result[at(layoutOut_, b, m, channel)] = value;
                    }
        return result;
    }

private:
    static std::size_t at(const MatrixLayout& l, uint32_t b, uint32_t m, uint32_t c) {
        return l.offset + std::size_t{b} * l.batchStride + (l.channelMajor ? c * l.stride + m : m * l.stride + c);
    }
    std::size_t extent(const MatrixLayout& l) const { return l.offset + std::size_t{desc_.batch} * l.batchStride; }

    std::size_t plainWeights() const { return std::size_t{desc_.groups} * desc_.columns * desc_.depth; }

    double sum(uint32_t b, uint32_t m, uint32_t g, uint32_t n) const {
        const float* own = plainWeight_.data() + (desc_.weightBatchStride ? b * plainWeights() : 0);
        double result = desc_.bias ? bias.values[g * desc_.columns + n] : 0;
        for (uint32_t k = 0; k < desc_.depth; ++k)
            result += a.values[at(layoutA_, b, m, g * desc_.depth + k)] *
                      own[(std::size_t{g} * desc_.columns + n) * desc_.depth + k];
        return result;
    }

    GemmDesc desc_;
    uint32_t width_;
    MatrixLayout layoutA_, layoutOut_, layoutResidual_;
    std::vector<float> plainWeight_;

public:
    Operand a, weight, bias, residual, out;
};

class Gemm : public KernelTest, public ::testing::WithParamInterface<Case> {
protected:
    void expectProduct(const DeviceProfile& mapping) {
        const GemmDesc& desc = GetParam().desc;
        if (desc.storage == DataType::f16 && !profile().storageBuffer16BitAccess)
            GTEST_SKIP() << "the device stores no halves";
        Product product(desc);
        run(gemm(desc, mapping), {&product.a, &product.weight, desc.bias ? &product.bias : nullptr,
                                  desc.hasResidual ? &product.residual : nullptr, &product.out});
        const std::vector<double> expected = product.expected();
        std::vector<double> results, wanted;
        for (std::size_t i = 0; i < expected.size(); ++i)
            if (expected[i] == untouched)
                ASSERT_EQ(product.out.values[i], untouched) << "a write between rows, at " << i;
            else {
                results.push_back(product.out.values[i]);
                wanted.push_back(expected[i]);
            }
        EXPECT_LE(relativeError(results, wanted), desc.storage == DataType::f16 ? 1e-3 : 1e-6);
    }
};

TEST_P(Gemm, cpuMapping) { expectProduct(profile()); }

TEST_P(Gemm, gpuMapping) { expectProduct(gpuProfile()); }

constexpr MatrixLayout channels{.channelMajor = true};

INSTANTIATE_TEST_SUITE_P(
    Shapes, Gemm,
    ::testing::Values(
        Case{"oneElement", product(1, 1, 1, 1)},
        Case{"oneRow", with(product(3, 1, 37, 50), ActivationKind::relu, true, true)},
        Case{"oneColumn", with(product(2, 67, 1, 9), ActivationKind::tanh, true, false)},
        Case{"oneOfDepth", with(product(2, 33, 18, 1), ActivationKind::none, false, true, 0.37f)},
        Case{"oddSizes", with(product(2, 71, 131, 45), ActivationKind::gelu, true, true, 0.37f)},
        Case{"wideTile", with(product(1, 150, 140, 100), ActivationKind::none, true, false)},
        Case{"groups", with(product(3, 37, 20, 24, 4), {ActivationKind::leakyRelu, 0.1f}, true, true)},
        Case{"oddGroups", with(product(2, 19, 7, 5, 3), ActivationKind::gelu, true, false)},
        Case{"gated", with(product(2, 50, 72, 36), ActivationKind::geglu, true, false)},
        Case{"oddGated", with(product(1, 31, 26, 11, 2), ActivationKind::geglu, true, true, 2)},
        Case{"channelsIn", laid(with(product(2, 45, 36, 28, 2), ActivationKind::none, true, false), channels, {})},
        Case{"channelsOut", laid(with(product(2, 52, 31, 17), ActivationKind::gelu, true, true), {}, channels)},
        Case{"channelsGated",
             laid(with(product(2, 36, 40, 20), ActivationKind::geglu, true, false), channels, channels)},
        Case{"slices", laid(with(product(2, 29, 24, 16), ActivationKind::none, true, true), {false, 4, 28, 28 * 29 + 8},
                            {false, 8, 40, 40 * 29 + 4}, {false, 12, 24, 24 * 29})},
        Case{"oddSlices", laid(with(product(2, 23, 13, 10), ActivationKind::relu, false, true),
                               {true, 3, 26, 26 * 10 + 1}, {true, 5, 25, 25 * 13 + 2}, {true, 1, 24, 24 * 13 + 3})},
        Case{"weightEach", weightEach(with(product(3, 37, 30, 21), ActivationKind::relu, true, true), 0)},
        Case{"weightEachApart", weightEach(product(4, 70, 66, 40, 2), 12)},
        Case{"weightEachHalves", halves(weightEach(product(2, 19, 24, 16), 8))},
        Case{"halves", halves(with(product(2, 71, 68, 44), ActivationKind::gelu, true, true, 0.37f))},
        Case{"oddHalves",
             halves(laid(with(product(2, 23, 13, 9, 2), ActivationKind::none, true, true), channels, {}))}),
    nameOf);

} // namespace
} // namespace saccade::test
