// SPDX-License-Identifier: Apache-2.0
// ONNX DeformConv (opsets 19 to 22) in two dimensions as a model of one operator. Weight and bias are inputs.
#include <array>

#include "base/error.hpp"
#include "kernels/copy.hpp"
#include "kernels/deform_conv.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr int64_t maxExtent = 1 << 16; // of strides, pads, dilations and kernels

constexpr Key configKeys[] = {
    Key::integers("strides", {2, 2}, 1, maxExtent, "vertical, horizontal").orElse(1),
    Key::integers("dilations", {2, 2}, 1, maxExtent, "vertical, horizontal").orElse(1),
    Key::integers("pads", {4, 4}, 0, maxExtent, "top, left, bottom, right").orElse(0),
    Key::integer("group", 1, maxExtent, "groups of input channels and of outputs; divides both").orElse(1),
    Key::integer("offset_group", 1, maxExtent, "groups of input channels that share offsets; divides them").orElse(1),
    Key::integers("kernel_shape", {2, 2}, 1, maxExtent, "(kh, kw); absent: as W has it").optional(),
};
constexpr TensorDescription inputs[] = {
    {"X", Presence::required, floatTypes, "(b, c, h, w)", "image"},
    {"W", Presence::required, floatTypes, "(o, c / group, kh, kw)", "weight"},
    {"offset", Presence::required, floatTypes, "(b, 2 * offset_group * kh * kw, oh, ow)",
     "what each tap is moved by: vertical and horizontal, tap after tap"},
    {"B", Presence::optional, floatTypes, "(o)", "bias"},
    {"mask", Presence::optional, floatTypes, "(b, offset_group * kh * kw, oh, ow)", "factor of each tap"},
};
constexpr TensorDescription outputs[] = {{"Y", Presence::required, floatTypes, "(b, o, oh, ow)", "image"}};
constexpr const char* limits[] = {"Two spatial dimensions."};

std::array<uint32_t, 2> pair(const Config::Integers& values) {
    return {static_cast<uint32_t>(values[0]), static_cast<uint32_t>(values[1])};
}

// An input without a batch as float32, however few entries a run has: it may be bound as FLOAT16 too.
TensorId parameter(PlanBuilder& plan, std::string_view name) {
    if (plan.inputType(name) != DataType::f16)
        return plan.inputBuffer(name, DataType::f32);
    const TensorId bound = plan.inputBuffer(name, DataType::f16);
    const Shape shape = plan.graph().tensor(bound).shape;
    ConvertDesc desc;
    desc.fromType = DataType::f16;
    desc.channels = static_cast<uint32_t>(elementCount(shape));
    Kernel kernel = convert(desc, plan.device());
    kernel.batched = false;
    const TensorId floats = plan.graph().intermediate(name, DataType::f32, shape);
    plan.graph().add(name, kernel, {bound, floats});
    return floats;
}

class OnnxDeformConv final : public Module {
public:
    explicit OnnxDeformConv(const ModuleSource& source) {
        Config& config = source.config;
        desc_.stride = pair(config.integers("strides"));
        desc_.dilation = pair(config.integers("dilations"));
        const Config::Integers pads = config.integers("pads");
        desc_.padding = pair(pads);
        behind_ = {static_cast<uint32_t>(pads[2]), static_cast<uint32_t>(pads[3])};
        desc_.groups = config.uint32("group");
        desc_.offsetGroups = config.uint32("offset_group");
        if (config.has("kernel_shape"))
            kernel_ = pair(config.integers("kernel_shape"));
    }

    void build(PlanBuilder& plan) const override;

private:
    DeformConvDesc readShapes(PlanBuilder& plan) const;

    DeformConvDesc desc_;
    std::array<uint32_t, 2> behind_{};     // padding after the last row and column
    std::array<uint32_t, 2> kernel_{0, 0}; // 0: the weight's
};

DeformConvDesc OnnxDeformConv::readShapes(PlanBuilder& plan) const {
    DeformConvDesc desc = desc_;
    const Shape x = plan.inputShape("X", 4), w = plan.inputShape("W", 4);
    desc.storage = plan.storage();
    desc.batch = static_cast<uint32_t>(x[0]);
    desc.channels = static_cast<uint32_t>(x[1]);
    desc.outputs = static_cast<uint32_t>(w[0]);
    for (const uint32_t groups : {desc.groups, desc.offsetGroups})
        if (desc.channels % groups)
            throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"X\": shape[1] is %u, not divisible by config \"%s\": %u",
                        desc.channels, desc.channels % desc.groups ? "group" : "offset_group", groups);
    if (desc.outputs % desc.groups)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"W\": shape[0] is %u, not divisible by config \"group\": %u",
                    desc.outputs, desc.groups);
    plan.expectDimension("W", 1, desc.channels / desc.groups, "the channels of \"X\" / config \"group\"");
    for (uint32_t axis = 0; axis < 2; ++axis) {
        if (kernel_[axis])
            plan.expectDimension("W", axis + 2, kernel_[axis], "config \"kernel_shape\"");
        desc.size[axis] = static_cast<uint32_t>(x[axis + 2]);
        desc.kernel[axis] = static_cast<uint32_t>(w[axis + 2]);
        const uint64_t padded = x[axis + 2] + desc.padding[axis] + behind_[axis];
        const uint64_t reach = desc.dilation[axis] * (w[axis + 2] - 1) + 1;
        if (padded < reach)
            throw Error(
                SAC_ERROR_INVALID_ARGUMENT,
                "input \"X\": shape[%u] is %llu, with config \"pads\" %llu, less than the kernel's reach of %llu",
                axis + 2, wide(x[axis + 2]), wide(padded), wide(reach));
        desc.outSize[axis] = static_cast<uint32_t>((padded - reach) / desc.stride[axis] + 1);
    }
    return desc;
}

void OnnxDeformConv::build(PlanBuilder& plan) const {
    DeformConvDesc desc = readShapes(plan);
    plan.setBatch(desc.batch);
    const uint64_t planes = uint64_t{desc.offsetGroups} * desc.kernel[0] * desc.kernel[1];
    // Offsets and masks have a plane of the result's size per offset group and tap.
    const auto perTap = [&](const char* name, uint64_t channels, const char* rule) {
        plan.inputShape(name, 4);
        plan.expectDimension(name, 0, desc.batch, "the batch of \"X\"");
        plan.expectDimension(name, 1, channels, rule);
        plan.expectDimension(name, 2, desc.outSize[0], "the height of \"Y\"");
        plan.expectDimension(name, 3, desc.outSize[1], "the width of \"Y\"");
        return plan.inputFloats(name);
    };
    const TensorId x = plan.inputTokens("X", ChannelAxis::second);
    const TensorId weight = parameter(plan, "W");
    const TensorId offsets = perTap("offset", 2 * planes, "2 * config \"offset_group\" * the kernel's taps");
    TensorId bias = noTensor, mask = noTensor;
    desc.offsets = true;
    desc.bias = plan.hasInput("B");
    if (desc.bias) {
        plan.inputShape("B", 1);
        plan.expectDimension("B", 0, desc.outputs, "the outputs of \"W\"");
        bias = parameter(plan, "B");
    }
    desc.mask = plan.hasInput("mask");
    if (desc.mask)
        mask = perTap("mask", planes, "config \"offset_group\" * the kernel's taps");

    const TensorId packed = plan.activation("packed W", {gemmWeightElements(deformConvWeight(desc))});
    plan.graph().add("packed W", packDeformConv(desc, plan.device()), {weight, packed});
    const OutputTarget y =
        plan.beginOutput("Y", {desc.batch, desc.outputs, desc.outSize[0], desc.outSize[1]}, ChannelAxis::second, true);
    desc.out.channelMajor = y.channelMajor;
    plan.graph().add("deformable convolution", deformConv(desc, plan.device()),
                     {x, packed, bias, offsets, mask, y.tensor});
    plan.endOutput(y);
}

} // namespace

constexpr ModuleDescription onnxDeformConvDescription{
    "ONNX's DeformConv as a model of one operator.",
    "onnx.ai: DeformConv, opsets 19 to 22; Zhu et al., arXiv 1811.11168",
    configKeys,
    {},
    inputs,
    outputs,
    limits};

ModulePtr makeOnnxDeformConv(const ModuleSource& source) { return makeModule<OnnxDeformConv>(source); }

} // namespace saccade
