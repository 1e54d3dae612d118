// SPDX-License-Identifier: Apache-2.0
// Blocked attention: softmax(scale * q k^T, modified) v without ever storing the score matrix.
//
// One description for every form of attention in the library: running maximum and sum per query (FlashAttention, arXiv
// 2205.14135, 2307.08691), any head dimension up to 256, separate query and key counts, and score modifiers that
// combine freely (shaders/attention_modifiers.glsl). A shader for each machine runs it: attention_gpu.comp,
// attention_cpu.comp. Where there are too few queries to fill the device, keys are split over workgroups and a second
// dispatch merges the parts.
#pragma once

#include <array>
#include <cstdint>

#include "base/device_profile.hpp"
#include "kernels/kernel.hpp"

namespace saccade {

/// Where element (batch, head, token, channel) of a tensor lies, in elements of the storage type:
/// offset + batch * batchStride + head * headStride + token * tokenStride + channel.
/// Covers (b, n, h*d), (b, h, n, d) and slices of a fused (b, n, 3*h*d) tensor, which is then given as operand 0, 1
/// and 2. Loads are four channels wide when offset, strides and channel count are multiples of 4; anything else also
/// works.
struct AttentionView {
    uint32_t offset = 0;
    uint32_t batchStride = 0;
    uint32_t headStride = 0;
    uint32_t tokenStride = 0;

    /// (b, tokens, width) with this tensor's channels of all heads side by side, `first` channels into the width.
    static AttentionView tokens(uint32_t tokens, uint32_t width, uint32_t channels, uint32_t first = 0) {
        return {first, tokens * width, channels, width};
    }
    /// (b, heads, tokens, channels).
    static AttentionView heads(uint32_t heads, uint32_t tokens, uint32_t channels) {
        return {0, heads * tokens * channels, tokens * channels, channels};
    }

    operator uvec4() const { return {offset, batchStride, headStride, tokenStride}; }

    /// Whether rows of `channels` are read and written four channels at a time.
    bool fourWide(uint32_t channels) const {
        return (offset | batchStride | headStride | tokenStride | channels) % 4 == 0;
    }
};

/// Continuous position bias of deformable attention (Swin V2, arXiv 2111.09883): for head h of group h / headsPerGroup,
/// MLP(u(query position - key position))[h % headsPerGroup] is added to the score.
/// Query i sits on channel c at 2 * ((i / gridStride[c]) % gridSize[c]) / divisor[c] - 1.
/// Key positions are read from operand `positions`: f32 (batch * groups, keys, dims), already normalised.
struct PositionBiasDesc {
    enum class Mode : uint8_t { none, exact, table };
    Mode mode = Mode::none;
    uint32_t dims = 2;          ///< 1..3 channels of a position
    uint32_t headsPerGroup = 1; ///< heads / groups: outputs of the MLP
    bool logDistance = true;    ///< u = sign(p) log(|p| + 1), else u = p
    std::array<uint32_t, 3> gridSize{1, 1, 1};
    std::array<uint32_t, 3> gridStride{1, 1, 1};
    std::array<float, 3> divisor{1, 1, 1}; ///< as upstream has it: 2D divides x by (height - 1)
    bool queriesGiven = false;             ///< denseBiasKernel's alone: positions of their own instead of that grid
    /// Mode::exact. Hidden width of the MLP, 1..256. Operand `positionBias` holds packPositionBias() of its weights.
    uint32_t width = 0;
    /// Mode::table. Operand `positionBias` holds the output of the table kernel for the same three arrays
    /// (position_bias.hpp): node n of axis c stands for coordinate tableOrigin[c] + n * tableStep[c].
    std::array<uint32_t, 3> tableSize{1, 1, 1};
    std::array<float, 3> tableOrigin{0, 0, 0};
    std::array<float, 3> tableStep{1, 1, 1};
    bool tableQuads = false; ///< entries are four floats: the values of a cell's corners on axes 0 and 1 (dims > 1)
};

/// Which keys a query may see by its place in the sequence.
enum class AttentionPattern : uint8_t {
    dense,      ///< all
    blocks,     ///< operand `layout`: bytes (layoutHeads, queryBlocks, keyBlocks), non-zero = visible
    convWindow, ///< text then image: image queries see all text and the kernel window that ends at them
    axialRow,   ///< text then image: image queries see all text and their row up to themselves
    axialColumn ///< text then image: image queries see all text and their column up to themselves
};

/// Description of one attention.
///
/// NaN and infinities go where PyTorch's float arithmetic lets them go. A visible score of NaN or +inf makes the
/// query's whole row NaN, a score of -inf counts as hidden. Values of visible keys are summed as they are. Keys, values
/// and scores of hidden pairs have no effect, whatever they are. A key whose position is not finite has scores of NaN.
///
/// Everything below `out` is off by default and combines freely, but for `blocks` and the text-and-image patterns,
/// which exclude each other.
struct AttentionDesc {
    bool half = false; ///< q, k, v, out are stored as f16
    uint32_t batch = 1;
    uint32_t heads = 1;
    uint32_t kvHeads = 1;   ///< divides heads; query head h reads key head h / (heads / kvHeads)
    uint32_t queries = 1;   ///< N >= 1
    uint32_t keys = 1;      ///< M >= 1; the most there may be if `lengths` says otherwise
    uint32_t headDim = 64;  ///< channels of q and k, 1..256
    uint32_t valueDim = 64; ///< channels of v and out, 1..256
    float scale = 1;        ///< score = scale * q . k
    AttentionView q, k, v, out;

    PositionBiasDesc positionBias;

    /// Dense bias, f32: bias[offset + b * s0 + h * s1 + query * s2 + key * s3] is added; stride 0 broadcasts.
    /// Values at or below -1.5e38 (or -inf) hide the key.
    bool denseBias = false;
    uint32_t denseBiasOffset = 0;
    std::array<uint32_t, 4> denseBiasStrides{};

    /// ALiBi: -|j - (i + M - N)| * slope[head] is added. Operand `slopes` is f32 (heads), 0 for heads without a slope.
    bool alibi = false;

    /// softcap * tanh(score / softcap); 0 = off. Applied before or after bias, ALiBi and masks: ONNX 1.20 adds its mask
    /// first, later releases cap first.
    float softcap = 0;
    bool softcapBeforeBias = false;

    /// Key j is visible iff j <= i + causalOffset (+ the length read, if causalFromLength).
    bool causal = false;
    int32_t causalOffset = 0;

    /// Keys that stand before the sequence's own (null keys): dense bias and key mask do not reach them, they are
    /// always kept, and what follows counts from the first key behind them.
    uint32_t leadingKeys = 0;

    /// Operand `keyMask`: bytes (batch, keyMaskStride), non-zero = keep; byte t belongs to key leadingKeys + t.
    /// With a text-and-image pattern it covers the text keys only and text queries ignore it.
    bool keyMask = false;
    uint32_t keyMaskStride = 0;

    /// Operand `staticMask`: bytes, mask[b * s0 + h * s1 + (query + offset) * s2 + key * s3], non-zero = keep.
    /// (+ the length read, if staticMaskFromLength, is added to the offset.)
    bool staticMask = false;
    std::array<uint32_t, 4> staticMaskStrides{};
    int32_t staticMaskQueryOffset = 0;

    AttentionPattern pattern = AttentionPattern::dense;
    uint32_t blockSize = 0;      ///< blocks: tokens per side of a block
    uint32_t layoutBlocks = 0;   ///< blocks: per side of the layout, where that is more than the tokens fill
    bool layoutPerHead = false;  ///< blocks: layoutHeads = heads, else 1
    uint32_t textLength = 0;     ///< text-and-image: leading text tokens, seen causally by text
    uint32_t imageSize = 0;      ///< text-and-image: side of the image, whose tokens follow
    uint32_t windowSize = 0;     ///< convWindow: kernel size
    uint32_t windowDilation = 1; ///< convWindow

    /// Operand `lengths`: i32 (or i64, if wideLengths, below 2^31), one for all or one per batch element, read when the
    /// kernel runs.
    bool lengths = false;
    bool wideLengths = false;
    bool lengthsPerBatch = false;
    /// Key count = length + keysPlus: nothing behind it is read. The length is clamped to 0 and keys - keysPlus first,
    /// for whatever else it says too.
    bool keysFromLength = false;
    int32_t keysPlus = 0; ///< 0..keys
    bool causalFromLength = false;
    bool causalAtLengthZero = false; ///< the causal rule holds only where the length read is 0
    bool staticMaskFromLength = false;

    /// What a query that sees no key gets: zeros, or (as masking with -FLT_MAX gives) the average of all values.
    enum class Empty : uint8_t { average, zeros };
    Empty empty = Empty::average;
};

/// Operands of attention. All but q, k, v and out are there if `desc` says so.
enum class AttentionOperand : uint8_t {
    q,
    k,
    v,
    out,
    positions,    ///< f32 (batch * groups, keys, dims)
    positionBias, ///< f32: packed MLP or table
    denseBias,
    slopes,
    keyMask,
    staticMask,
    layout,
    lengths
};
constexpr uint8_t attentionOperandCount = 12;
constexpr uint8_t operandNumber(AttentionOperand operand) { return static_cast<uint8_t>(operand); }

/// Lowers `desc`. Byte operands are read as 32-bit words: their memory must be readable up to the next multiple of 4.
/// Throws Error when a size is out of the ranges above.
Kernel attentionKernel(const AttentionDesc& desc, const DeviceProfile& device);

/// The same, tiled as `tuning` says (attention_tuning.hpp). For tests and measurements.
struct AttentionTuning;
Kernel attentionKernel(const AttentionDesc& desc, const AttentionTuning& tuning);

/// At which point of the score's making attentionScoresKernel() looks.
enum class AttentionStage : uint8_t {
    scaled,     ///< scale * q . k
    biased,     ///< after biases and masks (softcap too, if softcapBeforeBias)
    softcapped, ///< after softcap (biases and masks too, unless softcapBeforeBias)
    softmax
};

/// Writes the score matrix (batch, heads, queries, keys) in the storage type, which attention itself never does.
/// Operands as above, without v; out are the scores.
/// Hidden keys read `hidden` before the softmax, 0 after. Rows of the softmax are computed in f32 whatever the storage
/// type and sum to 1; a query that sees no key has what AttentionDesc::empty says: equal weights or zeros.
Kernel attentionScoresKernel(const AttentionDesc& desc, AttentionStage stage, float hidden);

} // namespace saccade
