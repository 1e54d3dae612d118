// SPDX-License-Identifier: Apache-2.0
// An operator of a network: made once with its configuration and weights, asked for each plan which shapes its results
// have, and then built into the plan's graph.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>

#include "base/feedback.hpp"
#include "base/memory.hpp"
#include "io/config.hpp"
#include "kernels/gemm.hpp"
#include "modules/network/expression.hpp"
#include "modules/network/node_list.hpp"
#include "modules/network/value.hpp"
#include "modules/weights.hpp"

namespace saccade::network {

class NodeBuilder;

/// What an operator is made of.
struct OpSource {
    std::string_view op;
    std::span<const Operand> inputs;
    size_t outputCount;
    Config& config;
    const JsonValue* options; ///< null: empty
    WeightSet& weights;       ///< looks names up as the node's
    std::pmr::memory_resource* memory;
    Warnings& warnings;
};

/// The shapes of a node's inputs in one plan; what its results have is written to `results`.
struct Inference {
    std::span<const Shape> inputs; ///< without dimensions: a number, or what is no value
    const Sizes& sizes;
    std::span<Shape> results;
    NodeBuilder& node; ///< of modules, whose shapes come of building them

    size_t rank(size_t input) const { return inputs[input].size(); }
};

/// Shapes and sizes that do not fit throw SAC_ERROR_INVALID_ARGUMENT; the network puts the node's name before it.
class Op {
public:
    virtual ~Op() = default;

    virtual void infer(Inference& shapes) const = 0;
    virtual void build(NodeBuilder& node) const = 0;

    /// Whether a result may be another view of an input's memory.
    virtual bool isView() const { return false; }
    /// The dimension along which it puts its inputs beside each other, if it does: they may be written in place then.
    virtual std::optional<uint32_t> concatDimension(size_t) const { return std::nullopt; }
    /// Whether it can write PyTorch's contiguous order of a map as well as channels side by side.
    virtual bool writesChannelMajor() const { return false; }

    // Fusion, when the network is made. Each takes what follows into the operator and returns true, or does nothing.
    virtual bool fuseActivation(const Activation&) { return false; }
    /// The node gets one more input, the last, which is added to its result.
    virtual bool fuseResidual() { return false; }
    virtual bool fusePixelShuffle(uint32_t) { return false; }
    /// The activation that this operator is and nothing more, for fuseActivation of what comes before it.
    virtual std::optional<Activation> asActivation() const { return std::nullopt; }
    /// Whether it adds two values and does nothing more.
    virtual bool isAdd() const { return false; }
    /// The factor, if it is a pixel shuffle.
    virtual uint32_t asPixelShuffle() const { return 0; }
};

struct OpDeleter {
    std::pmr::memory_resource* memory = nullptr;
    void (*end)(std::pmr::memory_resource*, Op*) = nullptr;
    void operator()(Op* op) const { end(memory, op); }
};
using OpPtr = std::unique_ptr<Op, OpDeleter>;

template <class O>
OpPtr makeOp(const OpSource& source) {
    return OpPtr(create<O>(source.memory, source), {source.memory, [](std::pmr::memory_resource* memory, Op* op) {
                                                        destroy(memory, static_cast<O*>(op));
                                                    }});
}

/// An operator as nodes name it.
struct OpType {
    const char* name;
    OpPtr (*make)(const OpSource&);
    std::span<const Key> config;
    uint32_t minInputs, maxInputs;
    bool takesNumbers = false;
};

// The operators of each file, in one table by findOp().
std::span<const OpType> viewOps();
std::span<const OpType> elementwiseOps();
std::span<const OpType> reductionOps();
std::span<const OpType> linearOps();
std::span<const OpType> convolutionOps();
std::span<const OpType> normOps();
std::span<const OpType> mapOps();
std::span<const OpType> attentionOps();

/// Null if there is none of this name.
const OpType* findOp(std::string_view name);

/// An operator that is a registered module. Throws SAC_ERROR_INVALID_CONFIG if there is none either.
OpPtr makeModuleOp(const OpSource& source);

/// Fusion's part that operators with one activation behind them share: `own` becomes `next` where there is none yet.
bool takeActivation(Activation& own, const Activation& next);

// What operators check of their inputs' shapes. All throw SAC_ERROR_INVALID_ARGUMENT.
[[noreturn]] SACCADE_PRINTF(1, 2) void refuseShape(const char* format, ...);
/// Broadcasts the first result and the last input to each other, which a fused residual is added to.
void broadcastResidual(Inference& shapes);
void requireRank(const Inference& shapes, size_t input, size_t rank);
/// A dimension that may be negative as in PyTorch, of `rank` ones. Throws SAC_ERROR_INVALID_CONFIG.
uint32_t dimensionOf(int64_t dim, size_t rank, const char* key);

} // namespace saccade::network
