// SPDX-License-Identifier: Apache-2.0
// What a module builds with: the plan's inputs and outputs as tensors of a graph, in the form kernels want them.
//
// Inside a plan activations are tokens: (batch, n, channels) of the storage type, channels contiguous. The builder adds
// the conversions from and to whatever the engine binds, and none where the engine's form already serves.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/device_profile.hpp"
#include "base/feedback.hpp"
#include "graph/graph.hpp"
#include "io/config.hpp"
#include "kernels/image.hpp"
#include "modules/module.hpp"
#include "modules/weights.hpp"

namespace saccade {

constexpr uint32_t maxImages = 16; ///< of one tensor

/// An image that holds channels of an input or output.
struct ImageRequest {
    ImageFormat format;
    ImageSlice slice;
};

/// An input or output as the caller wants to bind it. Output shapes are filled in by the module.
struct TensorRequest {
    std::string_view name;
    std::optional<DataType> type; ///< none: the module's own
    bool channelsLast = false;
    Shape shape;
    const void* hostData = nullptr;
    size_t hostDataSize = 0;                     ///< bytes at hostData
    FixedVector<ImageRequest, maxImages> images; ///< empty: a buffer
};

/// How a position bias is to be had, and what came of it.
enum class BiasMode : uint8_t { automatic, exact, table };
struct BiasRequest {
    BiasMode mode = BiasMode::automatic;
    float tolerance = 1e-4f;        ///< rms error of the bias
    uint64_t tableLimit = 16 << 20; ///< bytes
};
struct BiasReport {
    BiasMode mode = BiasMode::automatic; ///< automatic: the module has none
    std::array<uint32_t, 3> tableSize{};
    float tableError = 0; ///< rms, of the table chosen
};

struct PlanRequest {
    const char* module; ///< the name it is registered by
    const ModuleDescription& description;
    std::span<const TensorRequest> inputs;
    std::span<const TensorRequest> outputs; ///< empty: the main result
    Config& options;                        ///< forward arguments
    DataType storage = DataType::f32;       ///< f32 or f16
    BiasRequest bias;
    Progress* progress = nullptr; ///< asked while building; null: nobody
};

/// An input or output of the finished plan, for sacGetPlanTensors.
struct PlanTensor {
    std::pmr::string name;
    bool output = false;
    bool host = false; ///< read while building; not bound
    DataType type = DataType::f32;
    bool channelsLast = false;
    Shape shape{};
    TensorId tensor = noTensor; ///< the external tensor; of images the first, which the others follow
    uint32_t imageCount = 0;    ///< 0: a buffer
    int32_t minValue = INT32_MIN, maxValue = INT32_MAX; ///< of a number that a run may bring by value

    /// Of the buffer to bind; 0 for images.
    uint64_t bytes() const { return imageCount ? 0 : alignUp(byteCount(shape, type), 4); }
};

/// Whether channels are the second dimension (convolutions) or the last one (transformers) of PyTorch's shape.
enum class ChannelAxis : uint8_t { second, last };

/// Where the layer that computes an output writes it: rows of tokens, or PyTorch's (b, c, n) if `channelMajor`.
struct OutputTarget {
    TensorId tensor = noTensor;
    bool channelMajor = false;
    uint32_t index = 0; ///< in PlanBuilder::tensors
    ChannelAxis axis = ChannelAxis::second;
};

/// An input of feature maps as a kernel reads it: rows of tokens, or PyTorch's (b, c, n) if `channelMajor`.
struct InputMap {
    TensorId tensor = noTensor;
    bool channelMajor = false;
};

/// An input of bytes (batch or 1, keys), true = keep.
struct KeyMask {
    TensorId tensor = noTensor; ///< noTensor: the caller gave none, every key is kept
    uint32_t batchStride = 0;   ///< 0: one row serves the whole batch
};

/// A tensor of a graph that stands for what an engine would bind, where a module is a part of a larger plan.
struct EmbeddedInput {
    std::string_view name;
    TensorId tensor;
    bool channelsLast = false; ///< it lies as LAYOUT_CHANNELS_LAST says, whatever the request
};

class PlanBuilder {
public:
    /// Throws where the request names what the description does not have, leaves out what it requires, or asks for a
    /// type that it does not list.
    PlanBuilder(const PlanRequest& request, const WeightSet& weights, const DeviceProfile& device,
                std::pmr::memory_resource* memory);
    /// Of a module within `graph`: its inputs are those tensors, of the requests' types, and its outputs intermediates,
    /// to be found in tensors(); those of feature maps lie as LAYOUT_CHANNELS_LAST says. Weights lie where a
    /// plan of `weightStorage` has them.
    PlanBuilder(const PlanRequest& request, const WeightSet& weights, const DeviceProfile& device,
                std::pmr::memory_resource* memory, Graph& graph, std::span<const EmbeddedInput> inputs,
                DataType weightStorage);

    Graph& graph() { return graph_; }
    const DeviceProfile& device() const { return device_; }
    std::pmr::memory_resource* memory() const { return memory_; }
    const WeightSet& weights() const { return weights_; }
    DataType storage() const { return request_.storage; }
    bool half() const { return request_.storage == DataType::f16; }
    Config& options() { return request_.options; }
    const BiasRequest& bias() const { return request_.bias; }
    Progress* progress() const { return request_.progress; }
    BiasReport& biasReport() { return biasReport_; }
    Warnings& warnings() { return warnings_; }

    /// Entries of the batch, which records may undercut: of every node that runs per batch a divisor of its entries.
    void setBatch(uint64_t batch) { batch_ = static_cast<uint32_t>(batch); }
    uint32_t batch() const { return batch_; }

    TensorId weight(WeightId id) { return weights_.tensor(graph_, id, weightStorage_); }
    /// A tensor of the storage type in the workspace.
    TensorId activation(std::string_view name, const Shape& shape) {
        return graph_.intermediate(name, request_.storage, shape);
    }

    /// Whether the caller gave the input: for optional ones.
    bool hasInput(std::string_view name);
    /// The type the caller binds it as, if it says one. Throws if it was not given.
    std::optional<DataType> inputType(std::string_view name) { return requireInput(name).type; }
    /// Shape of an input. Throws if it was not given, or its rank is not `rank`; 0 allows any.
    const Shape& inputShape(std::string_view name, uint32_t rank);
    /// Throws unless dimension `axis` of the input is `expected`; `rule` says what it stands for ("dim", "x's batch").
    void expectDimension(std::string_view name, uint32_t axis, uint64_t expected, const char* rule);

    /// Makes the name known and warns if the caller gave it: an argument that upstream takes and does not use here. It
    /// is none of the plan's tensors.
    void ignoreInput(std::string_view name, const char* reason);
    /// Element strides of an input that broadcasts to `shape` as in PyTorch: its axes are the last ones of `shape`; one
    /// that is missing or 1 has stride 0. Throws where another differs from `shape`; `shortRows` lets the last axis be
    /// shorter.
    std::array<uint32_t, 4> broadcastStrides(std::string_view name, const std::array<uint64_t, 4>& shape,
                                             bool shortRows = false);
    /// The optional input as a mask of keys. Throws where it is not (batch or 1, keys).
    KeyMask inputKeyMask(std::string_view name, uint64_t batch, uint64_t keys);

    /// The input as tokens, (batch, n, channels), of the storage type.
    TensorId inputTokens(std::string_view name, ChannelAxis channels) { return inputTokens(name, channels, storage()); }
    /// The same as `type`, f32 or f16.
    TensorId inputTokens(std::string_view name, ChannelAxis channels, DataType type);
    /// A feature map (b, c, ...) as it is bound, or as tokens where another type or images are bound.
    InputMap inputMap(std::string_view name);
    /// Tokens as `type`: themselves, or a converted copy.
    TensorId asType(std::string_view label, TensorId tokens, DataType type);
    /// The input as it is bound: `type` in PyTorch's contiguous order; a request for anything else is refused.
    TensorId inputBuffer(std::string_view name, DataType type);
    /// An INT32 input of one element, min to max. A run refuses a value beyond them; kernels clamp to them what they
    /// read from a buffer.
    TensorId inputInteger(std::string_view name, int32_t min, int32_t max);
    /// The input as float32 in PyTorch's contiguous order, converted if it is bound as FLOAT16.
    TensorId inputFloats(std::string_view name);
    /// Values of an input of INT32 (the default) or INT64 that is read now. Throws if hostData is null.
    std::pmr::vector<int64_t> inputHostIntegers(std::string_view name);

    /// Whether the caller asked for a result. Where nothing was asked for it is the first one described.
    bool wantsOutput(std::string_view name);
    /// Begins an output of activations; the layer that computes it writes to the target, then endOutput is called.
    OutputTarget beginOutput(std::string_view name, const Shape& shape, ChannelAxis channels,
                             bool canWriteChannelMajor);
    void endOutput(const OutputTarget& target);
    /// An output of `type` in PyTorch's contiguous order, written by a kernel as it is.
    TensorId outputBuffer(std::string_view name, DataType type, const Shape& shape);

    std::pmr::vector<PlanTensor>& tensors() { return tensors_; }

    /// Which of the description's inputs and outputs the module has asked for.
    const std::pmr::vector<bool>& askedInputs() const { return askedInputs_; }
    const std::pmr::vector<bool>& askedOutputs() const { return askedOutputs_; }

private:
    PlanTensor& addFloatInput(const TensorRequest& request, bool* channelsLast = nullptr);
    const TensorRequest* findInput(std::string_view name);
    const TensorRequest& requireInput(std::string_view name);
    const TensorRequest* findOutput(std::string_view name);
    PlanTensor& addTensor(const TensorRequest& request, bool output, DataType type);
    TensorId addImages(const TensorRequest& request, ChannelAxis channels, PlanTensor& tensor);
    TensorId bindInput(std::string_view name, DataType type, const Shape& shape, bool* channelsLast);
    TensorId bindOutput(std::string_view name, DataType type, const Shape& shape);
    void checkRequest();
    TensorId readImages(const TensorRequest& request, ChannelAxis channels, DataType type);
    void writeImages(const TensorRequest& request, ChannelAxis channels, const PlanTensor& tensor, TensorId tokens);
    void convertTokens(std::string_view label, TensorId from, bool fromChannelMajor, TensorId to, bool toChannelMajor,
                       const Shape& shape, ChannelAxis channels);

    const PlanRequest& request_;
    const WeightSet& weights_;
    const DeviceProfile& device_;
    DataType weightStorage_;
    std::pmr::memory_resource* memory_;
    std::optional<Graph> ownGraph_; ///< none: a part of a larger plan
    Graph& graph_;
    std::span<const EmbeddedInput> embedded_;
    uint32_t batch_ = 1;
    BiasReport biasReport_;
    Warnings warnings_;
    std::pmr::vector<PlanTensor> tensors_;
    std::pmr::vector<bool> askedInputs_, askedOutputs_;
};

} // namespace saccade
