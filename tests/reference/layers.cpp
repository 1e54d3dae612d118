// SPDX-License-Identifier: Apache-2.0
#include "reference/layers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace saccade::reference {

double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

void softmax(std::vector<double>& row) {
    double maximum = -std::numeric_limits<double>::infinity();
    for (double score : row)
        maximum = std::max(maximum, score);
    if (std::isinf(maximum)) {
        std::fill(row.begin(), row.end(), 0.0);
        return;
    }
    double sum = 0;
    for (double& score : row)
        sum += score = std::exp(score - maximum);
    for (double& score : row)
        score /= sum;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor* bias) {
    const int64_t in = weight.size(1), out = weight.size(0);
    const int64_t rows = elementCount(Shape(x.shape.begin(), x.shape.end() - 1)); // there may be no inputs
    const Tensor input = x.reshaped({rows, in});
    Tensor y({rows, out});
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t o = 0; o < out; ++o) {
            double sum = bias ? (*bias)(o) : 0;
            for (int64_t i = 0; i < in; ++i)
                sum += input(r, i) * weight(o, i);
            y(r, o) = sum;
        }
    Shape shape = x.shape;
    shape.back() = out;
    return y.reshaped(shape);
}

Tensor layerNorm(const Tensor& x, const Tensor& gamma, const Tensor* beta) {
    const int64_t dim = x.size(-1), rows = x.count() / dim;
    Tensor y = x.reshaped({rows, dim});
    for (int64_t r = 0; r < rows; ++r) {
        double mean = 0, variance = 0;
        for (int64_t c = 0; c < dim; ++c)
            mean += y(r, c) / static_cast<double>(dim);
        for (int64_t c = 0; c < dim; ++c)
            variance += (y(r, c) - mean) * (y(r, c) - mean) / static_cast<double>(dim);
        for (int64_t c = 0; c < dim; ++c)
            y(r, c) = (y(r, c) - mean) / std::sqrt(variance + 1e-5) * gamma(c) + (beta ? (*beta)(c) : 0);
    }
    return y.reshaped(x.shape);
}

namespace {

/// Fewer than three spatial axes are three with leading ones.
Shape threeAxes(const Shape& sizes, std::size_t skip, int64_t fill) {
    Shape result(3, fill);
    std::copy_backward(sizes.begin() + static_cast<std::ptrdiff_t>(std::min(skip, sizes.size())), sizes.end(),
                       result.end());
    return result;
}

} // namespace

Tensor conv(const Tensor& x, const Tensor& weight, const Tensor* bias, const ConvOptions& options) {
    const Shape size = threeAxes(x.shape, 2, 1), kernel = threeAxes(weight.shape, 2, 1);
    const Shape stride = threeAxes(options.stride, 0, 1);
    const Shape before = threeAxes(options.before, 0, 0), after = threeAxes(options.after, 0, 0);
    const Shape dilation = threeAxes(options.dilation, 0, 1);
    Shape outSize(3);
    for (std::size_t a = 0; a < 3; ++a) {
        const int64_t room = size[a] + before[a] + after[a] - dilation[a] * (kernel[a] - 1) - 1;
        if (room < 0)
            throw std::invalid_argument("conv: the kernel reaches further than the padded input");
        outSize[a] = room / stride[a] + 1;
    }
    const int64_t batch = x.size(0), in = x.size(1), out = weight.size(0), groupIn = weight.size(1);
    const int64_t groupOut = out / options.groups;
    if (groupIn * options.groups != in || groupOut * options.groups != out)
        throw std::invalid_argument("conv: the weight is not made for these channels and groups");

    const Tensor input = x.reshaped({batch, in, size[0], size[1], size[2]});
    const Tensor filter = weight.reshaped({out, groupIn, kernel[0], kernel[1], kernel[2]});
    Tensor y({batch, out, outSize[0], outSize[1], outSize[2]});
    // Most of a network's time goes by here: positions are checked, and are then indices as they are.
    const auto at = [&](int64_t b, int64_t o, int64_t p0, int64_t p1, int64_t p2) {
        double sum = bias ? (*bias)(o) : 0;
        for (int64_t i = 0; i < groupIn; ++i) {
            const int64_t map = (b * in + o / groupOut * groupIn + i) * size[0], taps = (o * groupIn + i) * kernel[0];
            for (int64_t k0 = 0; k0 < kernel[0]; ++k0)
                for (int64_t k1 = 0; k1 < kernel[1]; ++k1)
                    for (int64_t k2 = 0; k2 < kernel[2]; ++k2) {
                        const int64_t s0 = p0 * stride[0] + k0 * dilation[0] - before[0];
                        const int64_t s1 = p1 * stride[1] + k1 * dilation[1] - before[1];
                        const int64_t s2 = p2 * stride[2] + k2 * dilation[2] - before[2];
                        if (s0 < 0 || s0 >= size[0] || s1 < 0 || s1 >= size[1] || s2 < 0 || s2 >= size[2])
                            continue;
                        const int64_t tap = ((taps + k0) * kernel[1] + k1) * kernel[2] + k2;
                        const int64_t pixel = ((map + s0) * size[1] + s1) * size[2] + s2;
                        sum += filter.data[static_cast<std::size_t>(tap)] * input.data[static_cast<std::size_t>(pixel)];
                    }
        }
        return sum;
    };
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t o = 0; o < out; ++o)
            for (int64_t p0 = 0; p0 < outSize[0]; ++p0)
                for (int64_t p1 = 0; p1 < outSize[1]; ++p1)
                    for (int64_t p2 = 0; p2 < outSize[2]; ++p2)
                        y(b, o, p0, p1, p2) = at(b, o, p0, p1, p2);
    Shape shape{batch, out};
    shape.insert(shape.end(), outSize.end() - (x.rank() - 2), outSize.end());
    return y.reshaped(shape);
}

Tensor splitHeads(const Tensor& x, int64_t heads) {
    const int64_t batch = x.size(0), n = x.size(1), d = x.size(2) / heads;
    Tensor y({batch, heads, n, d});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < n; ++i)
                for (int64_t c = 0; c < d; ++c)
                    y(b, h, i, c) = x(b, i, h * d + c);
    return y;
}

Tensor mergeHeads(const Tensor& x) {
    const int64_t batch = x.size(0), heads = x.size(1), n = x.size(2), d = x.size(3);
    Tensor y({batch, n, heads * d});
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < n; ++i)
                for (int64_t c = 0; c < d; ++c)
                    y(b, i, h * d + c) = x(b, h, i, c);
    return y;
}

Tensor lastAxisSlice(const Tensor& x, int64_t first, int64_t count) {
    const int64_t dim = x.size(-1), rows = x.count() / dim;
    const Tensor input = x.reshaped({rows, dim});
    Tensor y({rows, count});
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < count; ++c)
            y(r, c) = input(r, first + c);
    Shape shape = x.shape;
    shape.back() = count;
    return y.reshaped(shape);
}

Tensor add(const Tensor& a, const Tensor& b) {
    Tensor sum = a;
    for (std::size_t i = 0; i < sum.data.size(); ++i)
        sum.data[i] += b.data.at(i);
    return sum;
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Score& score, Tensor* weights) {
    const int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), keys = k.size(2);
    const int64_t d = q.size(3), e = v.size(3);
    Tensor y({batch, heads, queries, e});
    if (weights)
        *weights = Tensor({batch, heads, queries, keys});
    std::vector<double> row(static_cast<std::size_t>(keys));
    for (int64_t b = 0; b < batch; ++b)
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < queries; ++i) {
                for (int64_t j = 0; j < keys; ++j) {
                    double dot = 0;
                    for (int64_t c = 0; c < d; ++c)
                        dot += q(b, h, i, c) * k(b, h, j, c);
                    row[static_cast<std::size_t>(j)] = score(b, h, i, j, dot);
                }
                softmax(row);
                for (int64_t j = 0; weights && j < keys; ++j)
                    (*weights)(b, h, i, j) = row[static_cast<std::size_t>(j)];
                for (int64_t j = 0; j < keys; ++j)
                    for (int64_t c = 0; c < e; ++c)
                        y(b, h, i, c) += row[static_cast<std::size_t>(j)] * v(b, h, j, c);
            }
    return y;
}

} // namespace saccade::reference
