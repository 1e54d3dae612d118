// SPDX-License-Identifier: Apache-2.0
// The layers of Phenaki's transformer (Villegas et al., arXiv 2210.02399) as published in lucidrains/phenaki-pytorch:
// attention, gated feed forward and position generator.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "kernels/conv.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/plan_builder.hpp"
#include "modules/weights.hpp"

namespace saccade {

/// Arguments of an attention.
struct PhenakiArguments {
    uint32_t dim = 0, dimContext = 0, dimHead = 64, heads = 8, nullKeys = 0;
    bool causal = false, normContext = true;
    float scale = 8;

    uint32_t inner() const { return heads * dimHead; }
};

/// Added to the scores, f32; broadcasts to (batch, heads, queries, keys).
struct PhenakiBias {
    TensorId tensor = noTensor;
    std::array<uint32_t, 4> strides{};
};

/// What attention may be given beyond its sequences; noTensor for what is not there.
struct PhenakiInputs {
    KeyMask mask;
    PhenakiBias bias;
};

/// Attention with l2-normalised queries and keys, null keys and values, and ALiBi if it is causal.
class PhenakiAttentionLayer {
public:
    PhenakiAttentionLayer(WeightSet& weights, std::string_view prefix, const PhenakiArguments& arguments);

    /// result = attention(x, context) (+ residual). Without a context x attends to itself.
    void apply(PlanBuilder& plan, const Sequence& x, const Sequence* context, const PhenakiInputs& inputs,
               TensorId result, TensorId residual) const;

private:
    void addNullKeys(PlanBuilder& plan, const Sequence& keyValues) const;
    void normalise(PlanBuilder& plan, std::string_view label, const Sequence& x, WeightId scale) const;

    PhenakiArguments a_;
    LayerNorm norm_;
    std::optional<LayerNorm> contextNorm_;
    Linear toQ_, toKv_, toOut_;
    WeightId qScale_, kScale_;
    std::optional<WeightId> nullKv_;
    std::optional<WeightId> slopes_;
};

/// Two linear layers, the first one gated by GELU.
class PhenakiFeedForwardLayer {
public:
    /// The hidden layer has 2 / 3 * multiple * dim channels, rounded down.
    PhenakiFeedForwardLayer(WeightSet& weights, std::string_view prefix, uint32_t dim, double multiple);

    /// result = feed forward(x) (+ residual).
    void apply(PlanBuilder& plan, const Sequence& x, TensorId result, TensorId residual) const;

private:
    uint32_t inner_;
    LayerNorm norm_;
    Linear in_, out_;
};

/// Tokens seen as videos: (batch, frames, height, width) of them, in their order in memory. The batch need not be that
/// of the tokens: C-ViViT attends over (batch frames) (height width) and (batch height width) frames.
struct PegVideo {
    uint32_t batch = 1;
    std::array<uint32_t, 3> size{1, 1, 1};
};

/// Position generator: a depthwise 3x3x3 convolution over (frames, height, width).
class PegLayer {
public:
    PegLayer(WeightSet& weights, std::string_view prefix, uint32_t dim, bool causal);

    /// result = convolution(x), plus x if `addsSource`.
    void apply(PlanBuilder& plan, const Sequence& x, const PegVideo& video, TensorId result, bool addsSource) const;

private:
    ConvDesc conv_;
    WeightId weight_ = 0, bias_ = 0;
};

} // namespace saccade
