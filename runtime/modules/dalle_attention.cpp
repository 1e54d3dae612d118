// SPDX-License-Identifier: Apache-2.0
// Attention of DALL-E (Ramesh et al., arXiv 2102.12092) as published in lucidrains/DALLE-pytorch: causal, with masks,
// rotary embedding and a key-value cache.
//
// With option "cache" keys and values live in the plan's state, (batch, cache_length, inner) each, which plans of one
// model and batch share whatever their number of tokens: one plan reads a prompt, another continues token by token.
// Input "offset" says how many tokens the cache holds before the run, 0 to cache_length less the tokens of the run. A
// larger or negative one that the GPU reads is clamped to that, by every kernel alike.
//
// "cache_steps" instead computes a whole sequence as a cached run in pieces of those lengths would: the first piece is
// causal, a later one sees all keys up to its own last.
#include <numeric>

#include "base/error.hpp"
#include "kernels/copy.hpp"
#include "modules/dalle_projection.hpp"
#include "modules/layers/attention.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr const char* stepsMeaning =
    "pieces that a whole sequence is computed in, as a cached run would; their sum is n";
constexpr Key configKeys[] = {
    dalle::dim,    dalle::seqLen,
    dalle::heads,  dalle::dimHead,
    dalle::causal, dalle::dropout,
    dalle::stable, Key::integers("cache_steps", {1, Config::maxIntegers}, 1, 1 << 24, stepsMeaning).optional(),
};
constexpr Key optionKeys[] = {
    Key::boolean("cache", "keys and values of earlier runs are kept in the plan's state, and attended to")
        .orElse(false),
    Key::integer("cache_length", 1, 1 << 24, "tokens that the cache has room for; absent: seq_len").optional(),
    Key::integers("cache_steps", {1, Config::maxIntegers}, 1, 1 << 24, "without cache: as configured, over it")
        .optional(),
};
constexpr TensorDescription inputs[] = {
    dalle::x,
    {"mask",
     Presence::optional,
     {DataType::boolean},
     "(b, keys) | (1, keys)",
     "true: the key counts; keys are n, with cache cache_length"},
    {"static_mask",
     Presence::optional,
     {DataType::boolean},
     "(size, size)",
     "true: the query (row) may see the key (column); at least as large as there are keys"},
    dalle::rotary,
    {"offset",
     Presence::optional,
     {DataType::i32},
     "(1)",
     "with cache, required: tokens that it holds before the run, 0 to cache_length - n"},
};
constexpr TensorDescription outputs[] = {dalle::y};
constexpr const char* limits[] = {"With cache, n is at most cache_length."};

class DalleAttention final : public Module {
public:
    explicit DalleAttention(const ModuleSource& source)
        : a_(readDalleArguments(source.config)), projection_(source.weights, a_) {
        steps_ = source.config.integers("cache_steps");
    }

    void build(PlanBuilder& plan) const override;

private:
    DalleCache addCache(PlanBuilder& plan, uint32_t tokens) const;
    TensorId append(PlanBuilder& plan, const DalleCache& cache, const char* label, TensorId qkv, uint32_t tokens,
                    uint32_t part) const;
    TensorId staticMask(PlanBuilder& plan, AttentionDesc& attention, bool cached) const;
    Config::Integers steps(PlanBuilder& plan, uint32_t tokens) const;

    DalleArguments a_;
    DalleProjection projection_;
    Config::Integers steps_; ///< where the configuration has them
};

// The pieces of an uncached plan: as "cache_steps" says, else the whole.
Config::Integers DalleAttention::steps(PlanBuilder& plan, uint32_t tokens) const {
    Config::Integers steps = steps_;
    if (plan.options().has("cache_steps"))
        steps = plan.options().integers("cache_steps");
    if (steps.empty())
        return {tokens};
    const int64_t sum = std::accumulate(steps.begin(), steps.end(), int64_t{0});
    if (sum != tokens)
        throw Error(SAC_ERROR_INVALID_CONFIG, "\"cache_steps\" add up to %lld, input \"x\" has %u tokens", wide(sum),
                    tokens);
    return steps;
}

DalleCache DalleAttention::addCache(PlanBuilder& plan, uint32_t tokens) const {
    DalleCache cache;
    const auto length = plan.options().optionalInteger("cache_length").value_or(a_.sequence);
    if (!plan.options().boolean("cache"))
        return cache;
    cache.length = static_cast<uint32_t>(length);
    if (tokens > cache.length)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"x\" has %u tokens, \"cache_length\" is %u", tokens,
                    cache.length);
    cache.offset = plan.inputInteger("offset", 0, static_cast<int32_t>(cache.length - tokens));
    return cache;
}

// Copies keys (part 1) or values (part 2) to the end of their cache.
TensorId DalleAttention::append(PlanBuilder& plan, const DalleCache& cache, const char* label, TensorId qkv,
                                uint32_t tokens, uint32_t part) const {
    const uint32_t inner = a_.inner();
    const TensorId kept = plan.graph().state(label, plan.storage(), {plan.batch(), cache.length, inner});
    CopyDesc desc;
    desc.fromType = desc.toType = plan.storage();
    desc.batch = plan.batch();
    desc.tokens = tokens;
    desc.channels = inner;
    desc.from = {part * inner, tokens * 3 * inner, 0, 3 * inner, 1};
    desc.to = {0, cache.length * inner, 0, inner, 1};
    desc.shifted = true;
    desc.toTokens = cache.length;
    plan.graph().add(label, copyKernel(desc, plan.device()), {qkv, kept, cache.offset});
    return kept;
}

TensorId DalleAttention::staticMask(PlanBuilder& plan, AttentionDesc& attention, bool cached) const {
    const Shape shape = plan.inputShape("static_mask", 2);
    if (shape[0] != shape[1] || shape[0] < attention.keys)
        throw Error(SAC_ERROR_INVALID_ARGUMENT,
                    "input \"static_mask\" is %llu x %llu, it must be square and cover %u keys", wide(shape[0]),
                    wide(shape[1]), attention.keys);
    attention.staticMask = true;
    attention.staticMaskStrides = {0, 0, static_cast<uint32_t>(shape[1]), 1};
    attention.staticMaskFromLength = cached;
    return plan.inputBuffer("static_mask", DataType::boolean);
}

void DalleAttention::build(PlanBuilder& plan) const {
    const uint32_t tokens = dalleTokens(plan, a_);
    const DalleCache cache = addCache(plan, tokens);
    const TensorId qkv = projection_.addQkv(plan, tokens, cache);
    AttentionDesc attention = projection_.describe(plan, tokens, tokens);
    attention.causal = a_.causal;
    TensorId k = qkv, v = qkv;
    if (cache.length) {
        k = append(plan, cache, "key cache", qkv, tokens, 1);
        v = append(plan, cache, "value cache", qkv, tokens, 2);
        attention.keys = cache.length;
        attention.k = attention.v = AttentionView::tokens(cache.length, a_.inner(), a_.dimHead);
        attention.lengths = attention.keysFromLength = true;
        attention.keysPlus = static_cast<int32_t>(tokens);
        attention.causalAtLengthZero = true; // a later piece sees all of itself
    }
    const TensorId attended = plan.activation("attention", {plan.batch(), tokens, a_.inner()});
    AttentionTensors tensors{.q = qkv, .k = k, .v = v, .out = attended};
    const KeyMask mask = plan.inputKeyMask("mask", attention.batch, attention.keys);
    if (mask.tensor != noTensor) {
        attention.keyMask = true;
        attention.keyMaskStride = mask.batchStride;
        tensors.keyMask = mask.tensor;
    }
    if (plan.hasInput("static_mask"))
        tensors.staticMask = staticMask(plan, attention, cache.length != 0);
    if (cache.length)
        tensors.lengths = cache.offset;
    const AttentionDesc whole = attention;
    uint32_t first = 0;
    for (const int64_t step : cache.length ? Config::Integers{tokens} : steps(plan, tokens)) {
        attention.queries = static_cast<uint32_t>(step);
        attention.q.offset = whole.q.offset + first * whole.q.tokenStride;
        attention.out.offset = whole.out.offset + first * whole.out.tokenStride;
        attention.staticMaskQueryOffset = static_cast<int32_t>(first);
        if (!cache.length)
            attention.keys = first + attention.queries;
        attention.causal = whole.causal && first == 0;
        addAttention(plan, "attention", attention, tensors);
        first += attention.queries;
    }
    projection_.addOutput(plan, "y", attended, tokens);
}

} // namespace

constexpr ModuleDescription dalleAttentionDescription{
    "Causal attention with masks, rotary embedding and a key-value cache.",
    dalle::origin,
    configKeys,
    optionKeys,
    inputs,
    outputs,
    limits};

ModulePtr makeDalleAttention(const ModuleSource& source) { return makeModule<DalleAttention>(source); }

} // namespace saccade
