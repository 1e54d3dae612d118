// SPDX-License-Identifier: Apache-2.0
// Fixed sparse attention: each query sees a window of keys around it, cut off at the border, or moved inwards so that
// every query sees as many (neighborhood attention, NATTEN, arXiv 2204.07143, dilated 2209.15001). One to three axes.
//
//   y = to_out(softmax over the window of (to_q(x) to_k(x)^T / sqrt(dim_head)) to_v(x))
#include <array>

#include "base/error.hpp"
#include "kernels/sparse_attention.hpp"
#include "modules/layers/attention.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr const char* borders[] = {"cut", "neighborhood"};
constexpr const char* windowMeaning = "keys that a query sees along an axis, with itself in the middle: odd";
constexpr const char* dilationMeaning = "steps between them";
constexpr Key borderKey =
    Key::choice("border", borders,
                "what lies outside x is cut off, or the window moves inwards so that all queries see as many keys")
        .orElse(0);
constexpr Key config1D[] = {
    projection::dim,
    projection::heads,
    projection::dimHead,
    Key::integers("window", {1, 1}, 1, 65535, windowMeaning).orOneNumber(),
    Key::integers("dilation", {1, 1}, 1, 65535, dilationMeaning).orOneNumber().orElse(1),
    borderKey,
};
constexpr Key config2D[] = {
    projection::dim,
    projection::heads,
    projection::dimHead,
    Key::integers("window", {2, 2}, 1, 65535, windowMeaning).orOneNumber(),
    Key::integers("dilation", {2, 2}, 1, 65535, dilationMeaning).orOneNumber().orElse(1),
    borderKey,
};
constexpr Key config3D[] = {
    projection::dim,
    projection::heads,
    projection::dimHead,
    Key::integers("window", {3, 3}, 1, 65535, windowMeaning).orOneNumber(),
    Key::integers("dilation", {3, 3}, 1, 65535, dilationMeaning).orOneNumber().orElse(1),
    borderKey,
};

constexpr const char* inputMeaning = "feature map";
constexpr const char* resultMeaning = "attended feature map";
constexpr TensorDescription inputs1D[] = {{"x", Presence::required, floatTypes, "(b, dim, n)", inputMeaning}};
constexpr TensorDescription inputs2D[] = {{"x", Presence::required, floatTypes, "(b, dim, h, w)", inputMeaning}};
constexpr TensorDescription inputs3D[] = {{"x", Presence::required, floatTypes, "(b, dim, f, h, w)", inputMeaning}};
constexpr TensorDescription outputs1D[] = {{"y", Presence::required, floatTypes, "(b, dim, n)", resultMeaning}};
constexpr TensorDescription outputs2D[] = {{"y", Presence::required, floatTypes, "(b, dim, h, w)", resultMeaning}};
constexpr TensorDescription outputs3D[] = {{"y", Presence::required, floatTypes, "(b, dim, f, h, w)", resultMeaning}};
constexpr const char* limits[] = {
    "With border neighborhood each residue class of an axis modulo dilation has at least window positions: an axis of "
    "x is "
    "at least window * dilation long.",
};

// One value for all axes or one per axis, in the order of PyTorch's shape; leading axes there are not are 1.
std::array<uint32_t, 3> perAxis(const Config::Integers& values, uint32_t dims) {
    std::array<uint32_t, 3> out{1, 1, 1};
    for (uint32_t axis = 0; axis < dims; ++axis)
        out[3 - dims + axis] = static_cast<uint32_t>(values[axis]);
    return out;
}

class LocalAttention final : public Module {
public:
    explicit LocalAttention(const ModuleSource& source);
    void build(PlanBuilder& plan) const override;

private:
    void checkBorder(const std::array<uint32_t, 3>& size) const;

    uint32_t dims_;
    ProjectionArguments a_;
    AttentionProjection projection_;
    std::array<uint32_t, 3> window_{}, dilation_{};
    WindowBorder border_;
};

LocalAttention::LocalAttention(const ModuleSource& source)
    : dims_(dimensionsOf(source.type)), a_(readProjectionArguments(source.config)),
      projection_(source.weights, a_, dims_) {
    const Config::Integers window = source.config.integers("window");
    for (const int64_t value : window)
        if (value % 2 == 0)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"window\": %lld is even, a window has a middle",
                        wide(value));
    window_ = perAxis(window, dims_);
    dilation_ = perAxis(source.config.integers("dilation"), dims_);
    border_ = source.config.choice("border") == 1 ? WindowBorder::neighborhood : WindowBorder::cut;
}

// A window that does not fit has nowhere to move.
void LocalAttention::checkBorder(const std::array<uint32_t, 3>& size) const {
    for (uint32_t axis = 3 - dims_; border_ == WindowBorder::neighborhood && axis < 3; ++axis)
        if (const uint32_t places = smallestClass(size[axis], dilation_[axis]); places < window_[axis])
            throw Error(
                SAC_ERROR_INVALID_ARGUMENT,
                "input \"x\": shape[%u] is %u; config \"border\": \"neighborhood\" needs \"window\": %u positions "
                "in each class modulo \"dilation\": %u, the smallest has %u",
                axis - (3 - dims_) + 2, size[axis], window_[axis], dilation_[axis], places);
}

void LocalAttention::build(PlanBuilder& plan) const {
    const Shape& shape = plan.inputShape("x", dims_ + 2);
    LocalAttentionDesc desc;
    for (uint32_t axis = 0; axis < dims_; ++axis)
        desc.size[3 - dims_ + axis] = static_cast<uint32_t>(shape[axis + 2]);
    checkBorder(desc.size);
    const AttentionProjection::Projected x = projection_.addQkv(plan);
    desc.half = plan.half();
    desc.batch = plan.batch();
    desc.heads = a_.heads;
    desc.headDim = a_.dimHead;
    desc.scale = projection_.scale();
    desc.q = desc.k = desc.v = desc.out = projection_.view(x);
    desc.window = window_;
    desc.dilation = dilation_;
    desc.border = border_;
    projection_.addAttention(plan, x, localAttentionKernel(desc, plan.device()));
}

} // namespace

constexpr const char* origin = "a widely copied tutorial; Hassani et al., arXiv 2204.07143, and 2209.15001";
constexpr ModuleDescription localAttention1DDescription{
    "Attention of a sequence in which each position sees a window around itself.",
    origin,
    config1D,
    {},
    inputs1D,
    outputs1D,
    limits};
constexpr ModuleDescription localAttention2DDescription{
    "Attention of an image in which each position sees a window around itself.",
    origin,
    config2D,
    {},
    inputs2D,
    outputs2D,
    limits};
constexpr ModuleDescription localAttention3DDescription{
    "Attention of a video in which each position sees a window around itself.",
    origin,
    config3D,
    {},
    inputs3D,
    outputs3D,
    limits};

ModulePtr makeLocalAttention(const ModuleSource& source) { return makeModule<LocalAttention>(source); }

} // namespace saccade
