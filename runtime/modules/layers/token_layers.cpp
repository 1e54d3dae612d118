// SPDX-License-Identifier: Apache-2.0
#include "modules/layers/token_layers.hpp"

#include "kernels/attention.hpp"
#include "kernels/rows.hpp"

namespace saccade {
namespace {

// The part of a GemmDesc that packing depends on, in the form WeightSet keeps.
GemmDesc packedDesc(std::span<const uint64_t> parameters) {
    GemmDesc desc;
    desc.rows = 1;
    desc.columns = static_cast<uint32_t>(parameters[0]);
    desc.depth = static_cast<uint32_t>(parameters[1]);
    desc.groups = static_cast<uint32_t>(parameters[2]);
    desc.activation = static_cast<ActivationKind>(parameters[3]);
    return desc;
}

void packLinear(std::span<const std::span<const float>> sources, std::span<const uint64_t> parameters,
                std::span<float> packed) {
    packGemmWeight(packedDesc(parameters), sources[0], packed);
}

} // namespace

Linear::Linear(WeightSet& weights, std::string_view name, uint64_t inputs, uint64_t outputs,
               const LinearOptions& options)
    : precision_(options.precision) {
    const uint64_t parameters[] = {outputs / options.groups, inputs / options.groups, options.groups,
                                   static_cast<uint64_t>(options.activation.kind)};
    gemm_ = packedDesc(parameters);
    gemm_.bias = options.bias;
    gemm_.activation = options.activation;

    Shape shape{outputs, inputs / options.groups};
    for (uint32_t i = 0; i < options.kernelRank; ++i)
        shape.push_back(1);
    const std::pmr::string weightName = named(weights, name, ".weight");
    const SourceId source = weights.source(weightName, shape);
    weight_ = weights.pack(weightName, {&source, 1}, gemmWeightElements(gemm_), packLinear, parameters, precision_);
    if (options.bias)
        bias_ = weights.raw(named(weights, name, ".bias"), {outputs});
}

void Linear::apply(PlanBuilder& plan, std::string_view label, uint64_t batch, uint64_t rows, TensorId in, TensorId out,
                   const LinearUse& use) const {
    GemmDesc desc = gemm_;
    desc.storage = precision_ == WeightPrecision::storage ? plan.storage() : DataType::f32;
    desc.batch = static_cast<uint32_t>(batch);
    desc.rows = static_cast<uint32_t>(rows);
    desc.a = use.input;
    desc.out = use.output;
    const TensorId bias = bias_ ? plan.weight(*bias_) : noTensor;
    if (use.residual != noTensor) {
        desc.hasResidual = true;
        desc.residual = use.residualLayout;
    }
    plan.graph().add(label, gemm(desc, plan.device()), {in, plan.weight(weight_), bias, use.residual, out});
}

LayerNorm::LayerNorm(WeightSet& weights, std::string_view prefix, std::string_view scale, std::string_view shift,
                     uint32_t width)
    : scale_(weights.raw(named(weights, prefix, scale), {width})),
      shift_(weights.raw(named(weights, prefix, shift), {width})) {}

void LayerNorm::apply(PlanBuilder& plan, std::string_view label, const Sequence& x, TensorId result) const {
    NormDesc desc;
    desc.storage = plan.storage();
    desc.batch = x.batch;
    desc.tokens = x.tokens;
    desc.width = x.width;
    desc.source = desc.result = AttentionView::tokens(x.tokens, x.width, x.width);
    desc.hasShift = true;
    plan.graph().add(label, normKernel(desc, plan.device()),
                     {x.tensor, result, plan.weight(scale_), plan.weight(shift_)});
}

Sequence LayerNorm::apply(PlanBuilder& plan, std::string_view label, const Sequence& x) const {
    Sequence result = x;
    result.tensor = plan.activation(label, {x.batch, x.tokens, x.width});
    apply(plan, label, x, result.tensor);
    return result;
}

} // namespace saccade
