// SPDX-License-Identifier: Apache-2.0
// Dense deformable attention as tutorials teach it: keys and values move as in a deformable convolution, and every
// position attends to all of them.
//
//   grid = own pixel + offset_conv(x), per head
//   k, v = key_conv(x), value_conv(x), sampled at the grid
//   y = softmax(query_conv(x) k^T * scale) v
//
// Pattern "positions": tokens are pixels. Pattern "rows": every channel is a head of its own, whose tokens are the
// image's rows and whose features are the columns.
#include <cmath>

#include "base/error.hpp"
#include "kernels/attention.hpp"
#include "kernels/copy.hpp"
#include "kernels/deform_conv.hpp"
#include "kernels/sampling.hpp"
#include "modules/layers/attention.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr uint32_t maxFeatures = 256; // of a head, in the attention kernel

constexpr const char* patterns[] = {"positions", "rows"};
constexpr const char* axisOrders[] = {"xy", "reference"};
constexpr Key configKeys[] = {
    Key::integer("in_channels", 1, 1 << 16, "channels of x"),
    Key::integer("out_channels", 1, 1 << 16, "channels of y"),
    Key::integer("num_heads", 1, 1024, "heads, each of which moves its keys"),
    Key::choice("pattern", patterns,
                "positions: tokens are pixels; rows: every channel is a head, its tokens the rows and its features the "
                "columns")
        .orElse(0),
    Key::choice("axis_order", axisOrders, "xy: as meant; reference: dx moves along rows, as the listing does")
        .orElse(0),
    Key::boolean("scaled", "scores are multiplied with 1 / sqrt(out_channels / num_heads)").orElse(true),
};
constexpr TensorDescription inputs[] = {{"x", Presence::required, floatTypes, "(b, in_channels, h, w)", "feature map"}};
constexpr TensorDescription outputs[] = {
    {"y", Presence::required, floatTypes, "(b, out_channels, h, w)", "attended feature map"},
    {"grid", Presence::optional, {DataType::f32}, "(b * num_heads, h, w, 2)", "where each key was sampled, in [-1, 1]"},
};
constexpr const char* limits[] = {"num_heads divides out_channels.",
                                  "A head has at most 256 channels; with pattern rows, w is at most 256."};

struct Arguments {
    uint32_t in = 0, out = 0, heads = 0;
    bool rows = false;
    bool swapped = false; ///< axis_order "reference": dx moves along the rows and is read as x
    bool scaled = true;

    explicit Arguments(Config& config) {
        in = config.uint32("in_channels");
        out = config.uint32("out_channels");
        heads = config.uint32("num_heads");
        rows = config.choice("pattern") == 1;
        swapped = config.choice("axis_order") == 1;
        scaled = config.boolean("scaled");
        if (out % heads)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"out_channels\": %u is not divisible by \"num_heads\": %u",
                        out, heads);
        if (!rows && headDim() > maxFeatures)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "config \"out_channels\": %u / \"num_heads\": %u exceeds %u channels per head", out, heads,
                        maxFeatures);
    }
    uint32_t headDim() const { return out / heads; }
};

// The 3x3 convolution's description up to what the input's shape adds.
DeformConvDesc offsetConvolution(uint32_t in, uint32_t heads) {
    DeformConvDesc desc;
    desc.channels = in;
    desc.outputs = 2 * heads;
    desc.kernel = {3, 3};
    desc.padding = {1, 1};
    desc.bias = true;
    return desc;
}

class TutorialAttention final : public Module {
public:
    explicit TutorialAttention(const ModuleSource& source)
        : TutorialAttention(Arguments(source.config), source.weights) {}

    void build(PlanBuilder& plan) const override;

private:
    TutorialAttention(const Arguments& arguments, WeightSet& weights);

    struct Image {
        uint32_t batch, height, width;
        uint32_t pixels() const { return height * width; }
    };
    TensorId addGrid(PlanBuilder& plan, const Image& image, TensorId tokens) const;
    TensorId addSampled(PlanBuilder& plan, const Image& image, std::string_view name, const Linear& projection,
                        TensorId tokens, TensorId grid) const;
    void addTransposed(PlanBuilder& plan, const Image& image, TensorId from, TensorId to, bool toRows) const;

    Arguments a_;
    Linear query_, key_, value_;
    WeightId offsetWeight_ = 0, offsetBias_ = 0;
};

TutorialAttention::TutorialAttention(const Arguments& a, WeightSet& weights)
    : a_(a), query_(weights, "query_conv", a.in, a.out, pointwise(2, true)),
      key_(weights, "key_conv", a.in, a.out, pointwise(2, true)),
      value_(weights, "value_conv", a.in, a.out, pointwise(2, true)) {
    const auto pack = [](std::span<const std::span<const float>> sources, std::span<const uint64_t> p,
                         std::span<float> packed) {
        packGemmWeight(deformConvWeight(offsetConvolution(static_cast<uint32_t>(p[0]), static_cast<uint32_t>(p[1]))),
                       sources[0], packed);
    };
    const SourceId source = weights.source("offset_conv.weight", {2 * a.heads, a.in, 3, 3});
    const uint64_t parameters[] = {a.in, a.heads};
    offsetWeight_ = weights.pack("offset_conv.weight", {&source, 1},
                                 gemmWeightElements(deformConvWeight(offsetConvolution(a.in, a.heads))), pack,
                                 parameters, WeightPrecision::storage);
    offsetBias_ = weights.raw("offset_conv.bias", {2 * a.heads});
}

TensorId TutorialAttention::addGrid(PlanBuilder& plan, const Image& image, TensorId tokens) const {
    DeformConvDesc conv = offsetConvolution(a_.in, a_.heads);
    conv.storage = plan.storage();
    conv.batch = image.batch;
    conv.size = conv.outSize = {image.height, image.width};
    conv.out.channelMajor = true;
    const TensorId offsets = plan.activation("offsets", {image.batch, 2 * a_.heads, image.pixels()});
    plan.graph().add("offset_conv", deformConv(conv, plan.device()),
                     {tokens, plan.weight(offsetWeight_), plan.weight(offsetBias_), noTensor, noTensor, offsets});

    DisplacedGridDesc desc;
    desc.storage = plan.storage();
    desc.batch = image.batch;
    desc.heads = a_.heads;
    desc.height = image.height;
    desc.width = image.width;
    desc.swapped = a_.swapped;
    const Shape shape{uint64_t{image.batch} * a_.heads, image.height, image.width, 2};
    const TensorId grid = plan.wantsOutput("grid") ? plan.outputBuffer("grid", DataType::f32, shape)
                                                   : plan.graph().intermediate("grid", DataType::f32, shape);
    plan.graph().add("grid", displacedGrid(desc, plan.device()), {offsets, grid});
    return grid;
}

// The projection of x, sampled at the grid: (b, pixels, out).
TensorId TutorialAttention::addSampled(PlanBuilder& plan, const Image& image, std::string_view name,
                                       const Linear& projection, TensorId tokens, TensorId grid) const {
    const Shape shape{image.batch, image.pixels(), a_.out};
    const TensorId projected = plan.activation(name, shape), sampled = plan.activation(name, shape);
    projection.apply(plan, name, image.batch, image.pixels(), tokens, projected);
    GridSampleDesc desc;
    desc.storage = plan.storage();
    desc.alignCorners = true;
    desc.batch = image.batch;
    desc.groups = a_.heads;
    desc.channels = a_.out;
    desc.points = image.pixels();
    desc.size = {image.height, image.width, 1};
    plan.graph().add("grid_sample", gridSample(desc, plan.device()), {projected, grid, sampled});
    return sampled;
}

// Between tokens (b, pixels, out) and rows (b, out, pixels).
void TutorialAttention::addTransposed(PlanBuilder& plan, const Image& image, TensorId from, TensorId to,
                                      bool toRows) const {
    ConvertDesc desc;
    desc.fromType = desc.toType = plan.storage();
    desc.batch = image.batch;
    desc.tokens = image.pixels();
    desc.channels = a_.out;
    desc.from.channelMajor = !toRows;
    desc.to.channelMajor = toRows;
    plan.graph().add("rows", convert(desc, plan.device()), {from, to});
}

void TutorialAttention::build(PlanBuilder& plan) const {
    const Shape x = plan.inputShape("x", 4);
    plan.expectDimension("x", 1, a_.in, "config \"in_channels\"");
    if (a_.rows && x[3] > maxFeatures)
        throw Error(SAC_ERROR_UNSUPPORTED,
                    "input \"x\": shape[3] is %llu, at most %u with config \"pattern\": \"rows\", whose features are "
                    "columns",
                    wide(x[3]), maxFeatures);
    plan.setBatch(x[0]);
    const Image image{plan.batch(), static_cast<uint32_t>(x[2]), static_cast<uint32_t>(x[3])};
    const uint32_t batch = image.batch, pixels = image.pixels();

    const TensorId tokens = plan.inputTokens("x", ChannelAxis::second);
    const TensorId grid = addGrid(plan, image, tokens);
    if (!plan.wantsOutput("y"))
        return;
    const TensorId q = plan.activation("q", {batch, pixels, a_.out});
    LinearUse use;
    use.output.channelMajor = a_.rows;
    query_.apply(plan, "query_conv", batch, pixels, tokens, q, use);
    TensorId k = addSampled(plan, image, "key_conv", key_, tokens, grid);
    TensorId v = addSampled(plan, image, "value_conv", value_, tokens, grid);

    AttentionDesc attention;
    attention.half = plan.half();
    attention.batch = batch;
    attention.scale = a_.scaled ? 1.0f / std::sqrt(static_cast<float>(a_.headDim())) : 1.0f;
    if (a_.rows) {
        for (TensorId* tensor : {&k, &v}) {
            const TensorId rows = plan.activation("rows", {batch, a_.out, pixels});
            addTransposed(plan, image, *tensor, rows, true);
            *tensor = rows;
        }
        attention.heads = attention.kvHeads = a_.out;
        attention.queries = attention.keys = image.height;
        attention.headDim = attention.valueDim = image.width;
        attention.q = AttentionView::heads(a_.out, image.height, image.width);
    } else {
        attention.heads = attention.kvHeads = a_.heads;
        attention.queries = attention.keys = pixels;
        attention.headDim = attention.valueDim = a_.headDim();
        attention.q = AttentionView::tokens(pixels, a_.out, a_.headDim());
    }
    attention.k = attention.v = attention.out = attention.q;

    const OutputTarget y =
        plan.beginOutput("y", {batch, a_.out, image.height, image.width}, ChannelAxis::second, a_.rows);
    // Rows come out channel-major, whatever the caller wants.
    const bool turned = a_.rows && !y.channelMajor;
    const TensorId out = turned ? plan.activation("rows", {batch, a_.out, pixels}) : y.tensor;
    addAttention(plan, "attention", attention, {.q = q, .k = k, .v = v, .out = out});
    if (turned)
        addTransposed(plan, image, out, y.tensor, false);
    plan.endOutput(y);
}

} // namespace

constexpr ModuleDescription tutorialAttentionDescription{
    "Dense attention over keys and values that move as in a deformable convolution.",
    "a widely copied tutorial, section 1",
    configKeys,
    {},
    inputs,
    outputs,
    limits};

ModulePtr makeTutorialAttention(const ModuleSource& source) { return makeModule<TutorialAttention>(source); }

} // namespace saccade
