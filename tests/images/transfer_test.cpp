// SPDX-License-Identifier: Apache-2.0
// What numbers of images become: SacImageTransfer's formulas in float64, scale and bias, a texel's later channels, many
// images of a tensor, networks between images.
#include <limits>

#include "image_runs.hpp"

namespace saccade::test {
namespace {

const TexelFormat r32f{"R32_SFLOAT", VK_FORMAT_R32_SFLOAT, Code::float32, 1};
const TexelFormat rg32f{"R32G32_SFLOAT", VK_FORMAT_R32G32_SFLOAT, Code::float32, 2};
const TexelFormat rgba32f{"R32G32B32A32_SFLOAT", VK_FORMAT_R32G32B32A32_SFLOAT, Code::float32, 4};
const TexelFormat rgba16f{"R16G16B16A16_SFLOAT", VK_FORMAT_R16G16B16A16_SFLOAT, Code::half, 4};
const TexelFormat rg16f{"R16G16_SFLOAT", VK_FORMAT_R16G16_SFLOAT, Code::half, 2};
const TexelFormat r16f{"R16_SFLOAT", VK_FORMAT_R16_SFLOAT, Code::half, 1};
const TexelFormat r8{"R8_UNORM", VK_FORMAT_R8_UNORM, Code::unorm8, 1};
const TexelFormat rg8{"R8G8_UNORM", VK_FORMAT_R8G8_UNORM, Code::unorm8, 2};
const TexelFormat rgba8{"R8G8B8A8_UNORM", VK_FORMAT_R8G8B8A8_UNORM, Code::unorm8, 4};
const TexelFormat bgra8{"B8G8R8A8_UNORM", VK_FORMAT_B8G8R8A8_UNORM, Code::unorm8, 4, true};
const TexelFormat rgba16{"R16G16B16A16_UNORM", VK_FORMAT_R16G16B16A16_UNORM, Code::unorm16, 4};

constexpr double infinity = std::numeric_limits<double>::infinity();

double clamped(double x, double least, double most) {
    return std::isnan(x) ? std::clamp(0.0, least, most) : std::clamp(x, least, most);
}

double mapOfImage(SacImageTransfer transfer, double t) {
    switch (transfer) {
    case SAC_IMAGE_TRANSFER_LOG1P:
        return std::log1p(clamped(t, 0, 0x1p127));
    case SAC_IMAGE_TRANSFER_SRGB:
        t = clamped(t, 0, 0x1p48);
        return t <= 0.0031308 ? 12.92 * t : 1.055 * std::pow(t, 1 / 2.4) - 0.055;
    case SAC_IMAGE_TRANSFER_PQ: {
        const double y = std::pow(clamped(t, 0, 10000) / 10000, 2610.0 / 16384);
        return std::pow((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y), 2523.0 / 32);
    }
    case SAC_IMAGE_TRANSFER_RECIPROCAL:
        return 1 / clamped(t, 0x1p-16, 0x1p126);
    default:
        return t;
    }
}

double imageOfMap(SacImageTransfer transfer, double m) {
    switch (transfer) {
    case SAC_IMAGE_TRANSFER_LOG1P:
        return std::expm1(clamped(m, 0, std::log1p(0x1p127)));
    case SAC_IMAGE_TRANSFER_SRGB:
        m = clamped(m, 0, 1.055 * std::pow(0x1p48, 1 / 2.4) - 0.055);
        return m <= 0.04045 ? m / 12.92 : std::pow((m + 0.055) / 1.055, 2.4);
    case SAC_IMAGE_TRANSFER_PQ: {
        const double p = std::pow(clamped(m, 0, 1), 32 / 2523.0);
        return 10000 * std::pow(std::max(p - 0.8359375, 0.0) / (18.8515625 - 18.6875 * p), 16384.0 / 2610);
    }
    case SAC_IMAGE_TRANSFER_RECIPROCAL:
        return 1 / clamped(m, 0x1p-126, 0x1p16);
    default:
        return m;
    }
}

struct Normal {
    double x, y, z;
};

double sign(double x) { return x < 0 ? -1 : 1; }

Normal normalOfPoint(double u, double v) {
    u = clamped(u, -1, 1);
    v = clamped(v, -1, 1);
    Normal n{u, v, 1 - std::abs(u) - std::abs(v)};
    if (n.z < 0)
        n = {(1 - std::abs(v)) * sign(u), (1 - std::abs(u)) * sign(v), n.z};
    const double length = std::sqrt(n.x * n.x + n.y * n.y + n.z * n.z);
    return {n.x / length, n.y / length, n.z / length};
}

struct Curve {
    const char* name;
    SacImageTransfer transfer;
    double tolerance;   // relative, of the map
    double imageFactor; // of the same for the image: how much steeper the inverse is at most
    std::vector<double> values;
};

// PQ raises to powers whose exponents, up to 14, carry a rounding each; its inverse turns a relative error of its
// argument into one about 80 times as large, close to 0 more.
const Curve curves[] = {
    {"linear", SAC_IMAGE_TRANSFER_LINEAR, 0, 1, {0, -3.5, 1e30, 7e-30}},
    {"log1p",
     SAC_IMAGE_TRANSFER_LOG1P,
     4e-7,
     20,
     {0, 1e-7, 1e-3, 0.5, 1, 17, 6e4, 1e20, 0x1p127, -1, -infinity, infinity, NAN}},
    {"srgb",
     SAC_IMAGE_TRANSFER_SRGB,
     4e-7,
     4,
     {0, 1e-5, 0.00313, 0.0032, 0.2, 1, 1.5, 200, 1e9, 0x1p48, -0.1, infinity, NAN}},
    {"pq",
     SAC_IMAGE_TRANSFER_PQ,
     2e-6,
     100,
     {0, 1e-4, 1e-2, 0.2, 1, 80, 203, 1000, 4000, 10000, 12000, -1, infinity, NAN}},
    {"reciprocal",
     SAC_IMAGE_TRANSFER_RECIPROCAL,
     3e-7,
     1,
     {0x1p-16, 0.01, 0.5, 1, 1000, 1e8, 0x1p126, 0, -2, infinity, NAN}},
};

class Transfers : public Images {
protected:
    // Adds an image of one row and these numbers, component after component.
    void addRow(Parts& parts, const TexelFormat& format, const std::vector<double>& values) {
        const uint32_t width = static_cast<uint32_t>(values.size()) / format.components;
        parts.emplace_back(device(), format, format.components, 1, width, 1, 1,
                           VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const float value = static_cast<float>(values[i]);
            std::memcpy(parts.back().image.texels().data() + 4 * i, &value, 4);
        }
    }

    static reference::Tensor tensorOf(const reference::Shape& shape, const std::vector<double>& values) {
        reference::Tensor tensor(shape);
        for (std::size_t i = 0; i < values.size(); ++i)
            tensor.data[i] = static_cast<float>(values[i]);
        return tensor;
    }

    bool writesWithoutFormat() const {
        return device().features() & SAC_FEATURE_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT_BIT;
    }
};

TEST_F(Transfers, ofAnInputAreTheirFormulas) {
    for (const Curve& curve : curves) {
        const reference::Shape shape{1, 1, 1, static_cast<int64_t>(curve.values.size())};
        Parts x;
        addRow(x, r32f, curve.values);
        x[0].settings.transfer = curve.transfer;
        const reference::Tensor y = copy(shape, &x, nullptr);
        for (std::size_t i = 0; i < curve.values.size(); ++i) {
            const double expected = mapOfImage(curve.transfer, static_cast<float>(curve.values[i]));
            EXPECT_NEAR(y.data[i], expected, curve.tolerance * std::abs(expected))
                << curve.name << " of " << curve.values[i];
        }
    }
}

TEST_F(Transfers, ofAnOutputAreTheInverses) {
    for (const Curve& curve : curves) {
        std::vector<double> values;
        for (const double t : curve.values)
            values.push_back(mapOfImage(curve.transfer, t));
        for (const double m : {-1.0, double(NAN), infinity})
            if (curve.transfer != SAC_IMAGE_TRANSFER_LINEAR)
                values.push_back(m);
        const reference::Shape shape{1, 1, 1, static_cast<int64_t>(values.size())};
        const reference::Tensor x = tensorOf(shape, values);
        Parts y;
        y.emplace_back(device(), r32f, 1, 1, static_cast<uint32_t>(values.size()), 1, 1);
        y[0].settings.transfer = curve.transfer;
        copy(shape, nullptr, &y, {{"x", x}});
        for (uint32_t i = 0; i < values.size(); ++i) {
            const double expected = imageOfMap(curve.transfer, x.data[i]);
            EXPECT_NEAR(y[0].texel(0, 0, i, 0), expected, curve.imageFactor * curve.tolerance * std::abs(expected))
                << curve.name << " of " << values[i];
        }
    }
}

TEST_F(Transfers, octahedralNormals) {
    std::vector<double> points;
    for (const double u : {-1.0, -0.7, -0.25, 0.0, 0.3, 0.75, 1.0, 2.0})
        for (const double v : {-1.0, -0.6, 0.0, 0.2, 0.8, 1.0, double(NAN)})
            points.insert(points.end(), {u, v});
    const int64_t count = static_cast<int64_t>(points.size()) / 2;
    const reference::Shape shape{1, 3, 1, count};
    Parts x;
    addRow(x, rg32f, points);
    x[0].settings.transfer = SAC_IMAGE_TRANSFER_OCTAHEDRAL;
    const reference::Tensor normals = copy(shape, &x, nullptr);
    for (int64_t i = 0; i < count; ++i) {
        const Normal n = normalOfPoint(static_cast<float>(points[2 * i]), static_cast<float>(points[2 * i + 1]));
        EXPECT_NEAR(normals(0, 0, 0, i), n.x, 3e-7) << i;
        EXPECT_NEAR(normals(0, 1, 0, i), n.y, 3e-7) << i;
        EXPECT_NEAR(normals(0, 2, 0, i), n.z, 3e-7) << i;
    }

    // Vectors of any length, each back from what the image holds of it.
    reference::Tensor vectors({1, 3, 1, 64});
    std::normal_distribution<double> normal;
    for (double& value : vectors.data)
        value = static_cast<float>(normal(random) * 100);
    const double special[][3] = {{0, 0, 0}, {0, 0, -5}, {0, 0, 1e-20}, {1e35, 0, 0}, {-3, 0, 0}, {0, -1, 0}};
    for (int64_t i = 0; i < 6; ++i)
        for (int64_t c = 0; c < 3; ++c)
            vectors(0, c, 0, i) = static_cast<float>(special[i][c]);
    Parts y;
    y.emplace_back(device(), rg32f, 2, 1, 64, 1, 1);
    y[0].settings.transfer = SAC_IMAGE_TRANSFER_OCTAHEDRAL;
    copy(vectors.shape, nullptr, &y, {{"x", vectors}});
    for (uint32_t i = 0; i < 64; ++i) {
        const double v[] = {vectors(0, 0, 0, i), vectors(0, 1, 0, i), vectors(0, 2, 0, i)};
        const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        const Normal n = normalOfPoint(y[0].texel(0, 0, i, 0), y[0].texel(0, 0, i, 1));
        const Normal expected = length > 0 ? Normal{v[0] / length, v[1] / length, v[2] / length} : Normal{0, 0, 1};
        EXPECT_NEAR(n.x, expected.x, 5e-7) << i;
        EXPECT_NEAR(n.y, expected.y, 5e-7) << i;
        EXPECT_NEAR(n.z, expected.z, 5e-7) << i;
    }
}

TEST_F(Transfers, scaleAndBiasAreOfEachChannelFromTheFirstTaken) {
    const reference::Shape shape{1, 2 * 4, 3, 4};
    Parts x;
    x.emplace_back(device(), rgba32f, 2, 2, 8, 6, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    fill(x);
    SacImageDesc& settings = x[0].settings;
    settings.firstChannel = 1;
    settings.scale[0] = 2;
    settings.scale[1] = -0.5f;
    settings.bias[1] = 3;
    reference::Tensor expected = unshuffled(x, shape);
    for (int64_t i = 0; i < 8 * 12; ++i)
        expected.data[std::size_t(i)] =
            i < 4 * 12 ? expected.data[std::size_t(i)] * 2 : expected.data[std::size_t(i)] * -0.5 + 3;
    expectNear(copy(shape, &x, nullptr), expected, 1e-6, "read");

    // What is written there, read again, is what it was; the channels besides are 0 and alpha 1.
    Parts y;
    y.emplace_back(device(), rgba32f, 2, 2, 8, 6, 1);
    y[0].settings = settings;
    reference::Tensor given(shape);
    for (double& value : given.data)
        value = static_cast<float>((random() & 0xffff) * 0x1p-16);
    copy(shape, nullptr, &y, {{"x", given}});
    for (uint32_t py = 0; py < 6; ++py)
        for (uint32_t px = 0; px < 8; ++px) {
            const int64_t place = py % 2 * 2 + px % 2;
            EXPECT_EQ(y[0].texel(0, py, px, 0), 0);
            EXPECT_NEAR(y[0].texel(0, py, px, 1), given(0, place, py / 2, px / 2) / 2, 1e-7);
            EXPECT_NEAR(y[0].texel(0, py, px, 2), (given(0, 4 + place, py / 2, px / 2) - 3) / -0.5, 1e-6);
            EXPECT_EQ(y[0].texel(0, py, px, 3), 1);
        }
}

TEST_F(Transfers, aTensorOfElevenImages) {
    const TexelFormat* const formats[] = {&rgba8,   &r8,   &rg16f, &r32f,   &rgba16f, &rg8,
                                          &rgba32f, &r16f, &bgra8, &rgba16, &rg32f};
    Parts x;
    int64_t channels = 0;
    for (std::size_t i = 0; i < 11; ++i) {
        const uint32_t factor = 1 + i % 3;
        x.emplace_back(device(), *formats[i], formats[i]->components, factor, 6 * factor, 5 * factor, 1,
                       VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
        channels += x.back().channels * factor * factor;
    }
    fill(x);
    const reference::Shape shape{1, channels, 5, 6};
    expectNear(copy(shape, &x, nullptr), unshuffled(x, shape), 1e-6, "eleven images");
}

TEST_F(Transfers, outputsOfEveryFormatThatTheDeviceStoresTo) {
    if (!writesWithoutFormat())
        GTEST_SKIP() << "the device has no shaderStorageImageWriteWithoutFormat";
    struct Case {
        const TexelFormat& format;
        double tolerance;
    };
    const Case cases[] = {{r8, 1.0 / 255}, {rg8, 1.0 / 255}, {bgra8, 1.0 / 255}, {rgba16, 1.0 / 65535},
                          {r16f, 0x1p-12}, {rg16f, 0x1p-12}, {rgba16f, 0x1p-12}, {rg32f, 0}};
    uint32_t written = 0;
    for (const Case& c : cases) {
        VkFormatProperties properties{};
        vkGetPhysicalDeviceFormatProperties(device().physical().handle, c.format.format, &properties);
        if (!(properties.optimalTilingFeatures & VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT))
            continue;
        ++written;
        const reference::Shape shape{1, c.format.components, 5, 6};
        reference::Tensor x(shape);
        for (double& value : x.data)
            value = static_cast<float>((random() & 0xffffff) * 0x1p-24);
        Parts y;
        y.emplace_back(device(), c.format, c.format.components, 1, 6, 5, 1);
        copy(shape, nullptr, &y, {{"x", x}});
        expectNear(unshuffled(y, shape), x, c.tolerance, c.format.name);
    }
    EXPECT_GE(written, 4u);
}

TEST_F(Transfers, halvesAreTheNearest) {
    // Ties to even, and 65504 beyond the largest.
    const std::vector<double> values{1 + 0x1p-11, 1 + 3 * 0x1p-11, 1 + 0x1p-11 + 0x1p-20, 65519, 65520, 1e9,
                                     -1e9,        infinity};
    const double expected[] = {1, 1 + 0x1p-9, 1 + 0x1p-10, 65504, 65504, 65504, -65504, infinity};
    ASSERT_EQ(values.size(), std::size(expected));
    const reference::Shape shape{1, 1, 1, static_cast<int64_t>(values.size())};
    Parts y;
    y.emplace_back(device(), rgba16f, 1, 1, static_cast<uint32_t>(values.size()), 1, 1);
    copy(shape, nullptr, &y, {{"x", tensorOf(shape, values)}});
    for (uint32_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(y[0].texel(0, 0, i, 0), expected[i]) << values[i];
}

// A frame: colour, normals, depth and motion as an engine has them, through a network and out as images again.
TEST_F(Transfers, aNetworkBetweenImages) {
    const nlohmann::json config = {
        {"inputs",
         {{{"name", "colour"}, {"shape", {1, 3, "h", "w"}}},
          {{"name", "guides"}, {"shape", {1, 4, "h", "w"}}},
          {{"name", "motion"}, {"shape", {1, 2, "h", "w"}}}}},
        {"nodes",
         {{{"op", "concat"}, {"name", "all"}, {"inputs", {"colour", "guides", "motion"}}, {"config", {{"dim", 1}}}},
          {{"op", "mul"}, {"name", "twice"}, {"inputs", {"all", 2.0}}}}},
        {"outputs", {{{"name", "y"}, {"value", "twice"}}}}};
    const std::vector<std::byte> bytes = makeModelFile("Network", config, {});
    Model network(context, bytes);
    constexpr uint32_t width = 14, height = 10;
    constexpr VkImageLayout read = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL;
    Parts colour, guides, motion;
    colour.emplace_back(device(), rgba16f, 3, 1, width, height, 1, read);
    guides.emplace_back(device(), rg8, 2, 1, width, height, 1, read);
    guides.emplace_back(device(), r32f, 1, 1, width, height, 1, read);
    motion.emplace_back(device(), rg16f, 2, 1, width, height, 1, read);
    for (Parts* parts : {&colour, &guides, &motion})
        fill(*parts);
    colour[0].settings.transfer = SAC_IMAGE_TRANSFER_LOG1P;
    guides[0].settings.transfer = SAC_IMAGE_TRANSFER_OCTAHEDRAL;
    for (int i = 0; i < 2; ++i) {
        guides[0].settings.scale[i] = 2;
        guides[0].settings.bias[i] = -1;
        motion[0].settings.scale[i] = i ? height : width; // motion in parts of the frame, as pixels
    }
    guides[1].settings.transfer = SAC_IMAGE_TRANSFER_RECIPROCAL;

    reference::Tensor expected({1, 9, height, width});
    for (uint32_t y = 0; y < height; ++y)
        for (uint32_t x = 0; x < width; ++x) {
            const Normal n = normalOfPoint(guides[0].texel(0, y, x, 0) * 2 - 1, guides[0].texel(0, y, x, 1) * 2 - 1);
            const double channels[] = {std::log1p(std::max(colour[0].texel(0, y, x, 0), 0.0)),
                                       std::log1p(std::max(colour[0].texel(0, y, x, 1), 0.0)),
                                       std::log1p(std::max(colour[0].texel(0, y, x, 2), 0.0)),
                                       n.x,
                                       n.y,
                                       n.z,
                                       mapOfImage(SAC_IMAGE_TRANSFER_RECIPROCAL, guides[1].texel(0, y, x, 0)),
                                       motion[0].texel(0, y, x, 0) * width,
                                       motion[0].texel(0, y, x, 1) * height};
            for (int64_t c = 0; c < 9; ++c)
                expected(0, c, y, x) = 2 * channels[c];
        }
    const reference::Tensors none;
    Run description{none, {}};
    description.images["colour"] = {{1, 3, height, width}, &colour};
    description.images["guides"] = {{1, 4, height, width}, &guides};
    description.images["motion"] = {{1, 2, height, width}, &motion};
    const reference::Tensor y = run(network, description);
    ASSERT_EQ(y.shape, expected.shape);
    for (std::size_t i = 0; i < y.data.size(); ++i)
        ASSERT_NEAR(y.data[i], expected.data[i], 2e-6 * std::max(1.0, std::abs(expected.data[i]))) << i;

    Parts out;
    out.emplace_back(device(), rgba32f, 3, 1, width, height, 1);
    out.emplace_back(device(), rgba32f, 4, 1, width, height, 1);
    out.emplace_back(device(), rgba32f, 2, 1, width, height, 1);
    description.images["y"] = {{}, &out};
    run(network, description);
    const reference::Tensor written = unshuffled(out, expected.shape);
    for (std::size_t i = 0; i < y.data.size(); ++i)
        ASSERT_EQ(written.data[i], y.data[i]) << i;
}

// A map whose channels are its last dimension.
TEST_F(Transfers, channelsLastMapsAreImagesToo) {
    const nlohmann::json config = {{"inputs", {{{"name", "x"}, {"shape", {1, "h", "w", 4}}, {"channels", "last"}}}},
                                   {"nodes", {{{"op", "mul"}, {"name", "twice"}, {"inputs", {"x", 2.0}}}}},
                                   {"outputs", {{{"name", "y"}, {"value", "twice"}, {"channels", "last"}}}}};
    const std::vector<std::byte> bytes = makeModelFile("Network", config, {});
    Model network(context, bytes);
    Parts x, y;
    x.emplace_back(device(), rgba8, 4, 1, 7, 5, 1, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    y.emplace_back(device(), rgba32f, 4, 1, 7, 5, 1);
    fill(x);
    const reference::Tensors none;
    run(network, {none, {{"x", {{1, 5, 7, 4}, &x}}, {"y", {{}, &y}}}});
    reference::Tensor expected = unshuffled(x, {1, 4, 5, 7});
    for (double& value : expected.data)
        value *= 2;
    expectNear(unshuffled(y, expected.shape), expected, 1e-6, "twice");
}

// An upscaler: its output is what pixel_shuffle gives, an image twice as large as the one that comes in.
TEST_F(Transfers, anUpscalersGoldenCase) {
    const GoldenCase golden(SACCADE_TEST_DATA "/networks/espcn.safetensors");
    Model model(context, golden.bytes);
    const reference::Tensor& x = golden.inputs.at("x");
    const reference::Tensor& expected = golden.outputs.at("y");
    const auto add = [&](Parts& parts, const reference::Tensor& tensor, VkImageLayout layout) {
        parts.emplace_back(device(), rgba32f, 3, 1, uint32_t(tensor.shape[3]), uint32_t(tensor.shape[2]), 1, layout);
    };
    Parts in, out;
    add(in, x, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    add(out, expected, VK_IMAGE_LAYOUT_GENERAL);
    for (int64_t c = 0; c < 3; ++c)
        for (int64_t py = 0; py < x.shape[2]; ++py)
            for (int64_t px = 0; px < x.shape[3]; ++px) {
                const float value = static_cast<float>(x(0, c, py, px));
                std::memcpy(&in[0].image.texels()[std::size_t((py * x.shape[3] + px) * 4 + c) * 4], &value, 4);
            }
    const reference::Tensors none;
    run(model, {none, {{"x", {x.shape, &in}}, {"y", {{}, &out}}}});
    EXPECT_LE(reference::relativeError(unshuffled(out, expected.shape), expected), 1e-5);
}

} // namespace
} // namespace saccade::test
