// SPDX-License-Identifier: Apache-2.0
// The tensors a module takes from its checkpoint, and their packed form in device memory.
//
// A module declares them once, when the model is created: names, shapes and numbers are checked then. What lies in
// device memory afterwards depends on the model and the storage type alone, never on a plan's shapes, so all plans of a
// model share one copy.
#pragma once

#include <array>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"
#include "io/safetensors.hpp"

namespace saccade {

using SourceId = uint32_t; ///< a tensor of the file
using WeightId = uint32_t; ///< a packed tensor of the device

/// Turns the sources' elements into the packed ones. `parameters` are those given to WeightSet::pack.
using Packer = void (*)(std::span<const std::span<const float>> sources, std::span<const uint64_t> parameters,
                        std::span<float> packed);

/// Packed weights are stored as the plan's storage type, or always as float32 (biases, the position bias network).
enum class WeightPrecision : uint8_t { storage, float32, bytes }; ///< bytes: four to a packed element

class WeightSet {
public:
    /// `file` may be null: a module without weights. Names are looked up as prefix + name, a Scope's between them.
    WeightSet(const Safetensors* file, std::string_view prefix, std::pmr::memory_resource* memory);

    std::pmr::memory_resource* memory() const { return memory_; }

    /// While it lives, names are those of a part: they stand behind `part` and a point in the file.
    class Scope {
    public:
        /// `float32`: what the part declares is kept in float32, whatever the plan's storage.
        Scope(WeightSet& weights, std::string_view part, bool float32) : weights_(weights) {
            weights.scope_ = part;
            weights.scope_ += '.';
            weights.float32_ = float32;
        }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        ~Scope() {
            weights_.scope_.clear();
            weights_.float32_ = false;
        }

    private:
        WeightSet& weights_;
    };

    bool has(std::string_view name) const;
    /// Of a tensor that may be there; null if it is not. For what a configuration leaves to the checkpoint.
    const TensorShape* shapeOf(std::string_view name) const;

    /// Finds a tensor and checks it. Throws SAC_ERROR_INVALID_WEIGHTS if it is missing, of another shape, not of a
    /// floating-point type, or has a NaN or infinity.
    SourceId source(std::string_view name, const Shape& shape);

    /// Finds a tensor of integers or booleans, of any shape; a layout, say. Throws SAC_ERROR_INVALID_WEIGHTS if it is
    /// missing or not of BOOL, U8, I32 or I64.
    SourceId integers(std::string_view name);
    const TensorShape& shape(SourceId source) const { return sources_[source].view.shape; }

    /// Elements of a source as float32, in the file's order.
    std::pmr::vector<float> read(SourceId source) const;

    /// Declares a packed tensor of `elements` elements made of `sources` (at most 8).
    WeightId pack(std::string_view name, std::span<const SourceId> sources, uint64_t elements, Packer packer,
                  std::span<const uint64_t> parameters, WeightPrecision precision);

    /// Declares one source as it is, in float32: biases, scales, norms.
    WeightId raw(std::string_view name, const Shape& shape);

    /// The weight as a tensor of `graph`.
    TensorId tensor(Graph& graph, WeightId weight, DataType storage) const;

    /// A packed tensor's place; weights are numbered from 0 in the order they were declared.
    struct Placed {
        std::string_view name;
        DataType type;
        uint64_t elements, offset;
    };
    uint32_t count() const { return static_cast<uint32_t>(weights_.size()); }
    Placed placed(WeightId weight, DataType storage) const;

    /// Bytes of all packed weights.
    uint64_t bytes(DataType storage) const { return bytes_[storageIndex(storage)]; }

    /// Writes the bytes from `offset` on that device memory is to hold, all of them below bytes(storage); those between
    /// tensors are 0. Each tensor that they touch is packed anew, one at a time.
    void write(DataType storage, uint64_t offset, std::span<std::byte> out) const;

private:
    struct Source {
        std::pmr::string name;
        TensorView view;
    };
    struct Weight {
        std::pmr::string name;
        FixedVector<SourceId, 8> sources;
        FixedVector<uint64_t, 8> parameters;
        uint64_t elements;
        Packer packer;
        WeightPrecision precision;
        std::array<uint64_t, 2> offsets; ///< of each storage type, as storageIndex numbers them
    };

    SourceId add(std::string_view name, const char* wanted);
    std::pmr::vector<float> packed(const Weight& weight) const;
    static size_t storageIndex(DataType storage) { return storage == DataType::f16 ? 1 : 0; }

    const Safetensors* file_;
    std::pmr::string prefix_, scope_;
    bool float32_ = false; ///< of the scope
    std::pmr::memory_resource* memory_;
    std::pmr::vector<Source> sources_;
    std::pmr::vector<Weight> weights_;
    std::array<uint64_t, 2> bytes_{}; ///< of all weights so far, for each storage type
};

/// A weight's name behind a layer's prefix: "layers.0." and "norm.gamma", "to_q" and ".weight".
inline std::pmr::string named(const WeightSet& weights, std::string_view prefix, std::string_view name) {
    std::pmr::string full(prefix, weights.memory());
    full += name;
    return full;
}

} // namespace saccade
