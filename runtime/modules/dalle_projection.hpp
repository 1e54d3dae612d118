// SPDX-License-Identifier: Apache-2.0
// What all attentions of DALLE-pytorch share: one projection to queries, keys and values, rotary embedding of all
// three, and the output projection.
#pragma once

#include <cstdint>

#include "kernels/attention.hpp"
#include "modules/layers/token_layers.hpp"
#include "modules/plan_builder.hpp"

namespace saccade {

/// What the configurations of all of them have.
namespace dalle {

inline constexpr Key dim = Key::integer("dim", 1, 1 << 16, "channels of x");
inline constexpr Key seqLen = Key::integer("seq_len", 1, 1 << 24, "tokens of a whole sequence");
inline constexpr Key heads = Key::integer("heads", 1, 1024, "attention heads").orElse(8);
inline constexpr Key dimHead = Key::integer("dim_head", 1, 256, "channels of a head").orElse(64);
inline constexpr Key causal = Key::boolean("causal", "no key after the query's position").orElse(true);
inline constexpr Key causalIgnored =
    Key::boolean("causal", "this attention is causal whatever it says, as upstream's").orElse(true);
inline constexpr Key dropout = Key::number("dropout", 0, 1, "identity at inference").orElse(0);
inline constexpr Key stable = Key::boolean("stable", "the same function; softmax is always stable here").orElse(false);

inline constexpr TensorDescription x{"x", Presence::required, floatTypes, "(b, n, dim)", "sequence"};
inline constexpr TensorDescription rotary{
    "rotary_pos_emb",
    Presence::optional,
    {DataType::f32},
    "(positions, features) | (1, positions, features) | (1, 1, positions, features) | (b, 1, positions, features)",
    "angles that queries, keys and values are rotated by, a row for each position, of the batch or of each of its "
    "entries; one row serves all "
    "positions; features are even and at most dim_head"};
inline constexpr TensorDescription y{"y", Presence::required, floatTypes, "(b, n, dim)", "attended sequence"};
inline constexpr const char* origin = "lucidrains/DALLE-pytorch; Ramesh et al., arXiv 2102.12092";

} // namespace dalle

struct DalleArguments {
    uint32_t dim = 0, heads = 8, dimHead = 64;
    uint32_t sequence = 0; ///< config "seq_len"
    bool causal = true;

    uint32_t inner() const { return heads * dimHead; }
};

/// Where the keys and values of earlier runs are kept.
struct DalleCache {
    uint32_t length = 0;        ///< tokens there is room for; 0: no cache
    TensorId offset = noTensor; ///< int32: tokens it holds before the run, 0..length - the run's tokens
};

/// Reads dim, seq_len, heads, dim_head and causal, which upstream's sparse forms take and ignore; dropout and stable,
/// which change no result, are accepted.
DalleArguments readDalleArguments(Config& config);

class DalleProjection {
public:
    DalleProjection(WeightSet& weights, const DalleArguments& arguments);

    /// Adds to_qkv of input "x", and rotates what the optional input "rotary_pos_emb" says, (positions, features),
    /// (1, positions, features) or (batch or 1, 1, positions, features).
    /// The result is (batch, rows, 3 * inner): queries, keys and values side by side, where `rows` >= x's tokens leaves
    /// room behind them. With a cache the first token's position is its offset, and the table must reach as far as it.
    TensorId addQkv(PlanBuilder& plan, uint32_t rows, const DalleCache& cache = {}) const;

    /// Adds output `name` (batch, tokens, dim) from attended (batch, tokens, inner).
    void addOutput(PlanBuilder& plan, std::string_view name, TensorId attended, uint32_t tokens) const;

    /// An attention of `tokens` queries and as many keys over addQkv's result; operands 0 to 2 are that tensor.
    AttentionDesc describe(const PlanBuilder& plan, uint32_t tokens, uint32_t rows) const;

private:
    struct RotaryTable {
        uint32_t positions, features;
        bool perBatch;
    };
    RotaryTable readRotary(PlanBuilder& plan) const;
    void addRotary(PlanBuilder& plan, TensorId qkv, uint32_t tokens, uint32_t rows, const DalleCache& cache) const;

    DalleArguments a_;
    Linear toQkv_, toOut_;
};

/// Input "x" (batch, tokens, dim): checks it, sets the plan's batch and returns the tokens.
uint32_t dalleTokens(PlanBuilder& plan, const DalleArguments& arguments);

} // namespace saccade
