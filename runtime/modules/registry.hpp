// The modules there are, by the name models carry.
#pragma once

#include "modules/module.hpp"

namespace saccade {

struct ModuleType {
    const char* name;
    ModulePtr (*make)(const ModuleSource&);
    const ModuleDescription& description;
};

/// All modules, in the order sacGetModuleName lists them.
std::span<const ModuleType> moduleTypes();

/// The module of this name; null if there is none.
const ModuleType* findModule(std::string_view name);
/// Names what there is. Throws SAC_ERROR_INVALID_CONFIG.
[[noreturn]] void throwUnknownModule(std::string_view name);

// Each is defined in the file of its system, and so is what it takes and gives.
ModulePtr makeDeformableAttention(const ModuleSource& source);
ModulePtr makeLocalAttention(const ModuleSource& source);
ModulePtr makeDynamicSparseAttention(const ModuleSource& source);
ModulePtr makeGridSample(const ModuleSource& source);
ModulePtr makeMSDeformAttention(const ModuleSource& source);
ModulePtr makeTutorialAttention(const ModuleSource& source);
ModulePtr makeOnnxDeformConv(const ModuleSource& source);
ModulePtr makePhenakiAttention(const ModuleSource& source);
ModulePtr makePhenakiFeedForward(const ModuleSource& source);
ModulePtr makePeg(const ModuleSource& source);
ModulePtr makePhenakiTransformer(const ModuleSource& source);
ModulePtr makeAlibiPositionalBias(const ModuleSource& source);
ModulePtr makeContinuousPositionBias(const ModuleSource& source);
ModulePtr makePhenakiLayerNorm(const ModuleSource& source);
ModulePtr makeGeglu(const ModuleSource& source);
ModulePtr makeL2Norm(const ModuleSource& source);
ModulePtr makeScale(const ModuleSource& source);
ModulePtr makeCpb(const ModuleSource& source);
ModulePtr makeDalleAttention(const ModuleSource& source);
ModulePtr makeDalleSparse(const ModuleSource& source);
ModulePtr makeDalleBlockSparse(const ModuleSource& source);
ModulePtr makeOnnxAttention(const ModuleSource& source);
ModulePtr makeOnnxRotaryEmbedding(const ModuleSource& source);

extern const ModuleDescription deformableAttention1DDescription;
extern const ModuleDescription deformableAttention2DDescription;
extern const ModuleDescription deformableAttention3DDescription;
extern const ModuleDescription localAttention1DDescription;
extern const ModuleDescription localAttention2DDescription;
extern const ModuleDescription localAttention3DDescription;
extern const ModuleDescription dynamicSparseAttentionDescription;
extern const ModuleDescription gridSampleDescription;
extern const ModuleDescription msDeformAttentionDescription;
extern const ModuleDescription tutorialAttentionDescription;
extern const ModuleDescription onnxDeformConvDescription;
extern const ModuleDescription onnxGridSampleDescription;
extern const ModuleDescription phenakiAttentionDescription;
extern const ModuleDescription phenakiFeedForwardDescription;
extern const ModuleDescription pegDescription;
extern const ModuleDescription phenakiTransformerDescription;
extern const ModuleDescription alibiPositionalBiasDescription;
extern const ModuleDescription continuousPositionBiasDescription;
extern const ModuleDescription phenakiLayerNormDescription;
extern const ModuleDescription gegluDescription;
extern const ModuleDescription l2NormDescription;
extern const ModuleDescription scaleDescription;
extern const ModuleDescription cpbDescription;
extern const ModuleDescription dalleAttentionDescription;
extern const ModuleDescription sparseConvCausalDescription;
extern const ModuleDescription sparseAxialCausalDescription;
extern const ModuleDescription sparseAttentionDescription;
extern const ModuleDescription onnxAttentionDescription;
extern const ModuleDescription onnxRotaryEmbeddingDescription;

} // namespace saccade
