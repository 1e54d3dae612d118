// SPDX-License-Identifier: Apache-2.0
// The modules there are, by the name models carry.
#pragma once

#include "modules/module.hpp"

/// The list of modules, a line each, in the order sacGetModuleName lists them: the name models carry, the function that
/// makes the module, its description. Declarations and the table both come from it.
// clang-format off
#define SACCADE_MODULES(MODULE)                                                                                        \
    MODULE("DeformableAttention1D", makeDeformableAttention, deformableAttention1DDescription)                         \
    MODULE("DeformableAttention2D", makeDeformableAttention, deformableAttention2DDescription)                         \
    MODULE("DeformableAttention3D", makeDeformableAttention, deformableAttention3DDescription)                         \
    MODULE("LocalAttention1D", makeLocalAttention, localAttention1DDescription)                                        \
    MODULE("LocalAttention2D", makeLocalAttention, localAttention2DDescription)                                        \
    MODULE("LocalAttention3D", makeLocalAttention, localAttention3DDescription)                                        \
    MODULE("DynamicSparseAttention", makeDynamicSparseAttention, dynamicSparseAttentionDescription)                    \
    MODULE("ShiftedWindowAttention", makeShiftedWindowAttention, shiftedWindowAttentionDescription)                    \
    MODULE("grid_sample", makeGridSample, gridSampleDescription)                                                       \
    MODULE("MSDeformAttn", makeMSDeformAttention, msDeformAttentionDescription)                                        \
    MODULE("TutorialDeformableAttention", makeTutorialAttention, tutorialAttentionDescription)                         \
    MODULE("onnx.DeformConv", makeOnnxDeformConv, onnxDeformConvDescription)                                           \
    MODULE("onnx.GridSample", makeGridSample, onnxGridSampleDescription)                                               \
    MODULE("PhenakiAttention", makePhenakiAttention, phenakiAttentionDescription)                                      \
    MODULE("PhenakiFeedForward", makePhenakiFeedForward, phenakiFeedForwardDescription)                                \
    MODULE("PEG", makePeg, pegDescription)                                                                             \
    MODULE("PhenakiTransformer", makePhenakiTransformer, phenakiTransformerDescription)                                \
    MODULE("AlibiPositionalBias", makeAlibiPositionalBias, alibiPositionalBiasDescription)                             \
    MODULE("ContinuousPositionBias", makeContinuousPositionBias, continuousPositionBiasDescription)                    \
    MODULE("PhenakiLayerNorm", makePhenakiLayerNorm, phenakiLayerNormDescription)                                      \
    MODULE("GEGLU", makeGeglu, gegluDescription)                                                                       \
    MODULE("l2norm", makeL2Norm, l2NormDescription)                                                                    \
    MODULE("Scale", makeScale, scaleDescription)                                                                       \
    MODULE("CPB", makeCpb, cpbDescription)                                                                             \
    MODULE("DalleAttention", makeDalleAttention, dalleAttentionDescription)                                            \
    MODULE("SparseConvCausalAttention", makeDalleSparse, sparseConvCausalDescription)                                  \
    MODULE("SparseAxialCausalAttention", makeDalleSparse, sparseAxialCausalDescription)                                \
    MODULE("SparseAttention", makeDalleBlockSparse, sparseAttentionDescription)                                        \
    MODULE("onnx.Attention", makeOnnxAttention, onnxAttentionDescription)                                              \
    MODULE("onnx.RotaryEmbedding", makeOnnxRotaryEmbedding, onnxRotaryEmbeddingDescription)                             \
    MODULE("Network", makeNetwork, networkDescription)
// clang-format on

namespace saccade {

struct ModuleType {
    const char* name;
    ModulePtr (*make)(const ModuleSource&);
    const ModuleDescription& description;
};

/// All modules, in the list's order.
std::span<const ModuleType> moduleTypes();

/// The module of this name; null if there is none.
const ModuleType* findModule(std::string_view name);
/// Names what there is. Throws SAC_ERROR_INVALID_CONFIG.
[[noreturn]] void throwUnknownModule(std::string_view name);

// A module's description and make function are defined in its own file.
#define SACCADE_DECLARE_MODULE(name, make, description)                                                                \
    ModulePtr make(const ModuleSource& source);                                                                        \
    extern const ModuleDescription description;
SACCADE_MODULES(SACCADE_DECLARE_MODULE)
#undef SACCADE_DECLARE_MODULE

} // namespace saccade
