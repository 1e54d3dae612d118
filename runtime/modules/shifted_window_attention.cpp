// SPDX-License-Identifier: Apache-2.0
// Attention in shifted windows (Swin Transformer, Liu et al., arXiv 2103.14030), as torchvision has it.
//
// The map is padded with zeros to whole windows, rolled by the shift and cut into windows. Tokens attend within their
// window, with a learnt bias for their relative place. The windows are then put together and rolled back. Padded tokens
// are keys like any other; their q, k and v are the bias of qkv.
//
// torchvision adds -100 to the scores of tokens that the roll alone made neighbours. Here such pairs are hidden: a
// weight of exp(-100) is nothing in float32, unless the hidden score exceeds the visible ones by some 80.
#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "kernels/copy.hpp"
#include "kernels/dense_bias.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/window_mask.hpp"
#include "modules/layers/attention.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr const char* dropoutMeaning = "identity at inference";
constexpr Key configKeys[] = {
    Key::integer("dim", 1, 1 << 16, "channels of x"),
    Key::integers("window_size", {2, 2}, 1, 65535, "height and width of a window"),
    Key::integers(
        "shift_size", {2, 2}, 0, 65534,
        "rows and columns that windows are shifted by, each less than the window; none along an axis that has "
        "one window"),
    Key::integer("num_heads", 1, 1024, "attention heads; divides dim"),
    Key::boolean("qkv_bias", "qkv has a bias").orElse(true),
    Key::boolean("proj_bias", "proj has a bias").orElse(true),
    Key::number("attention_dropout", 0, 1, dropoutMeaning).orElse(0),
    Key::number("dropout", 0, 1, dropoutMeaning).orElse(0),
};
constexpr TensorDescription inputs[] = {
    {"x", Presence::required, floatTypes, "(b, h, w, dim)", "feature map, channels last"}};
constexpr TensorDescription outputs[] = {
    {"y", Presence::required, floatTypes, "(b, h, w, dim)", "attended feature map, channels last"}};
constexpr const char* limits[] = {
    "num_heads divides dim.",
    "The map padded to whole windows, its queries, keys and values, and the bias and mask of all pairs in windows have "
    "at most 2^31 elements each.",
};

// A run of positions along an axis, in the map and in the rolled one.
struct Segment {
    uint32_t map, rolled, count;
};
using Segments = FixedVector<Segment, 2>;

// The map along one axis.
struct Axis {
    uint32_t size, window, shift; ///< no shift where there is one window

    Axis(uint64_t size, uint32_t window, uint32_t shift)
        : size(static_cast<uint32_t>(size)), window(window), shift(size > window ? shift : 0) {}

    uint32_t windows() const { return divideUp(size, window); }
    uint32_t padded() const { return windows() * window; }
    bool moves() const { return padded() != size || shift; }
    // The last window begins before the map ends, so the shift is less than the size.
    Segments segments() const {
        Segments out{{shift, 0, size - shift}};
        if (shift)
            out.push_back({0, padded() - shift, shift});
        return out;
    }
};

class ShiftedWindowAttention final : public Module {
public:
    explicit ShiftedWindowAttention(const ModuleSource& source);
    void build(PlanBuilder& plan) const override;

private:
    /// The map of a plan in windows.
    struct Map {
        uint64_t batch;
        Axis rows, columns;

        uint64_t windows() const { return uint64_t{rows.windows()} * columns.windows(); }
        uint64_t tokens() const { return uint64_t{rows.window} * columns.window; } ///< of a window
        bool moves() const { return rows.moves() || columns.moves(); }
        bool shifted() const { return rows.shift || columns.shift; }
    };

    void checkSizes(const Map& map) const;
    void copyMap(PlanBuilder& plan, const Map& map, bool back, TensorId from, TensorId to) const;
    void padMap(PlanBuilder& plan, const Map& map, TensorId rolled) const;
    void copyWindows(PlanBuilder& plan, const Map& map, bool back, TensorId from, TensorId to) const;
    TensorId attend(PlanBuilder& plan, const Map& map, TensorId qkv) const;

    uint32_t dim_, heads_;
    std::array<uint32_t, 2> window_, shift_;
    Linear qkv_, proj_;
    WeightId biasTable_;
};

std::array<uint32_t, 2> pairOf(Config& config, const char* key) {
    const Config::Integers values = config.integers(key);
    return {static_cast<uint32_t>(values[0]), static_cast<uint32_t>(values[1])};
}

Linear linear(const ModuleSource& source, const char* name, uint32_t inputs, uint32_t outputs, const char* biasKey) {
    LinearOptions options;
    options.bias = source.config.boolean(biasKey);
    return Linear(source.weights, name, inputs, outputs, options);
}

ShiftedWindowAttention::ShiftedWindowAttention(const ModuleSource& source)
    : dim_(source.config.uint32("dim")), heads_(source.config.uint32("num_heads")),
      window_(pairOf(source.config, "window_size")), shift_(pairOf(source.config, "shift_size")),
      qkv_(linear(source, "qkv", dim_, 3 * dim_, "qkv_bias")), proj_(linear(source, "proj", dim_, dim_, "proj_bias")) {
    source.config.number("attention_dropout");
    source.config.number("dropout");
    if (dim_ % heads_)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"dim\": %u is not divisible by \"num_heads\": %u", dim_, heads_);
    for (const size_t axis : {0, 1})
        if (shift_[axis] >= window_[axis])
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config \"shift_size\": [%zu] is %u, it must be less than \"window_size\": %u", axis,
                        shift_[axis], window_[axis]);
    biasTable_ =
        source.weights.raw("relative_position_bias_table", {relativePlaces({1, 1, window_[0], window_[1]}), heads_});
}

void ShiftedWindowAttention::checkSizes(const Map& map) const {
    const auto check = [](const char* what, const Shape& shape) {
        if (const uint64_t elements = elementCount(shape); elements > INT32_MAX)
            throw Error(SAC_ERROR_UNSUPPORTED,
                        "input \"x\" and config \"window_size\": %s has %llu elements, at most "
                        "2^31 are possible",
                        what, wide(elements));
    };
    check("qkv of the padded map", {map.batch, map.rows.padded(), map.columns.padded(), 3 * dim_});
    check("the position bias", {heads_, map.tokens(), map.tokens()});
    if (map.shifted())
        check("the mask of windows", {map.batch, map.windows(), map.tokens(), map.tokens()});
}

// A part of a map (batch, rows, columns, dim) that begins at row and column.
CopyView partOf(uint32_t rows, uint32_t columns, uint32_t dim, uint32_t row, uint32_t column) {
    return {(row * columns + column) * dim, rows * columns * dim, columns * dim, dim, 1};
}

/// Copies x into the rolled map, or the rolled map into y, which loses the padding.
void ShiftedWindowAttention::copyMap(PlanBuilder& plan, const Map& map, bool back, TensorId from, TensorId to) const {
    CopyDesc desc;
    desc.fromType = desc.toType = plan.storage();
    desc.batch = plan.batch();
    desc.channels = dim_;
    for (const Segment& rows : map.rows.segments())
        for (const Segment& columns : map.columns.segments()) {
            desc.heads = rows.count;
            desc.tokens = columns.count;
            desc.from = partOf(map.rows.size, map.columns.size, dim_, rows.map, columns.map);
            desc.to = partOf(map.rows.padded(), map.columns.padded(), dim_, rows.rolled, columns.rolled);
            if (back)
                std::swap(desc.from, desc.to);
            plan.graph().add(back ? "roll back" : "roll", copyKernel(desc, plan.device()), {from, to});
        }
}

/// Zeros behind the map's bottom and right, which the roll moves by the shift.
void ShiftedWindowAttention::padMap(PlanBuilder& plan, const Map& map, TensorId rolled) const {
    const uint32_t height = map.rows.padded(), width = map.columns.padded();
    const auto fill = [&](uint32_t row, uint32_t column, uint32_t rows, uint32_t columns) {
        if (!rows || !columns)
            return;
        const Extents size{1, 1, plan.batch(), rows, columns, dim_};
        const CopyView part = partOf(height, width, dim_, row, column);
        const StridedView places{part.offset, {0, 0, part.batchStride, part.headStride, part.tokenStride, 1}};
        plan.graph().add("pad", zerosKernel(plan.storage(), size, places, plan.device()),
                         {noTensor, noTensor, noTensor, rolled});
    };
    const uint32_t bottom = map.rows.size - map.rows.shift, right = map.columns.size - map.columns.shift;
    fill(bottom, 0, height - map.rows.size, width);
    fill(0, right, height, width - map.columns.size);
}

/// Copies a map of whole windows to (batch * windows, tokens, dim), or back.
void ShiftedWindowAttention::copyWindows(PlanBuilder& plan, const Map& map, bool back, TensorId from,
                                         TensorId to) const {
    const uint32_t windowRow = map.columns.window * dim_, window = map.rows.window * windowRow;
    const uint32_t mapRow = map.columns.windows() * windowRow;
    CopyDesc desc;
    desc.fromType = desc.toType = plan.storage();
    desc.batch = plan.batch() * map.rows.windows();
    desc.heads = map.rows.window;
    desc.tokens = map.columns.windows();
    desc.channels = windowRow;
    desc.from = {0, map.rows.window * mapRow, mapRow, windowRow, 1};
    desc.to = {0, map.columns.windows() * window, windowRow, window, 1};
    if (back)
        std::swap(desc.from, desc.to);
    plan.graph().add(back ? "join" : "windows", copyKernel(desc, plan.device()), {from, to});
}

TensorId ShiftedWindowAttention::attend(PlanBuilder& plan, const Map& map, TensorId qkv) const {
    Graph& graph = plan.graph();
    const uint32_t tokens = static_cast<uint32_t>(map.tokens());
    AttentionDesc desc = describeAttention(plan, heads_, dim_ / heads_, tokens, tokens);
    desc.batch = static_cast<uint32_t>(plan.batch() * map.windows());
    desc.q = AttentionView::tokens(tokens, 3 * dim_, desc.headDim);
    desc.k = AttentionView::tokens(tokens, 3 * dim_, desc.headDim, dim_);
    desc.v = AttentionView::tokens(tokens, 3 * dim_, desc.headDim, 2 * dim_);
    AttentionTensors tensors{.q = qkv, .k = qkv, .v = qkv};
    tensors.out = plan.activation("attention", {plan.batch(), map.windows() * tokens, dim_});

    PairBiasDesc bias;
    bias.heads = heads_;
    bias.queries = bias.keys = tokens;
    bias.lookup = true;
    bias.size = {1, 1, map.rows.window, map.columns.window};
    tensors.denseBias = graph.table("position bias", DataType::f32, {heads_, tokens, tokens});
    graph.add("position bias", pairBiasKernel(bias, plan.device()), {plan.weight(biasTable_), tensors.denseBias},
              Phase::upload);
    desc.denseBias = true;
    desc.denseBiasStrides = {0, tokens * tokens, tokens, 1};

    if (map.shifted()) {
        const WindowMaskDesc mask{.batch = plan.batch(),
                                  .windowRows = map.rows.windows(),
                                  .windowColumns = map.columns.windows(),
                                  .windowHeight = map.rows.window,
                                  .windowWidth = map.columns.window,
                                  .shiftHeight = map.rows.shift,
                                  .shiftWidth = map.columns.shift};
        tensors.staticMask = graph.table("window mask", DataType::boolean, {desc.batch, tokens, tokens});
        graph.add("window mask", windowMaskKernel(mask, plan.device()), {tensors.staticMask}, Phase::upload);
        desc.staticMask = true;
        desc.staticMaskStrides = {tokens * tokens, 0, tokens, 1};
    }
    addAttention(plan, "attention", desc, tensors);
    return tensors.out;
}

void ShiftedWindowAttention::build(PlanBuilder& plan) const {
    const Shape shape = plan.inputShape("x", 4);
    plan.expectDimension("x", 3, dim_, "config \"dim\"");
    const Map map{shape[0], Axis(shape[1], window_[0], shift_[0]), Axis(shape[2], window_[1], shift_[1])};
    checkSizes(map);
    plan.setBatch(map.batch);
    const uint64_t tokens = map.windows() * map.tokens();

    TensorId x = plan.inputTokens("x", ChannelAxis::last);
    if (map.moves()) {
        const TensorId rolled = plan.activation("rolled", {map.batch, tokens, dim_});
        padMap(plan, map, rolled);
        copyMap(plan, map, false, x, rolled);
        x = rolled;
    }
    const TensorId windows = plan.activation("windows", {map.batch, tokens, dim_});
    copyWindows(plan, map, false, x, windows);
    const TensorId qkv = plan.activation("qkv", {map.batch, tokens, 3 * dim_});
    qkv_.apply(plan, "qkv", map.batch, tokens, windows, qkv);
    const TensorId attended = attend(plan, map, qkv);
    const TensorId projected = plan.activation("projected", {map.batch, tokens, dim_});
    proj_.apply(plan, "proj", map.batch, tokens, attended, projected);

    const OutputTarget y = plan.beginOutput("y", shape, ChannelAxis::last, false);
    if (map.moves()) {
        const TensorId joined = plan.activation("joined", {map.batch, tokens, dim_});
        copyWindows(plan, map, true, projected, joined);
        copyMap(plan, map, true, joined, y.tensor);
    } else {
        copyWindows(plan, map, true, projected, y.tensor);
    }
    plan.endOutput(y);
}

} // namespace

constexpr ModuleDescription shiftedWindowAttentionDescription{
    "Attention of an image within windows that are shifted, with a learnt bias for relative places.",
    "torchvision; Liu et al., arXiv 2103.14030",
    configKeys,
    {},
    inputs,
    outputs,
    limits};

ModulePtr makeShiftedWindowAttention(const ModuleSource& source) { return makeModule<ShiftedWindowAttention>(source); }

} // namespace saccade
