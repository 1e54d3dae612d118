// The one list of modules: adding a system adds its file, a line here and a declaration in
// registry.hpp.
#include "modules/registry.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace saccade {
namespace {

constexpr ModuleType types[] = {
    {"DeformableAttention1D", makeDeformableAttention, deformableAttention1DDescription},
    {"DeformableAttention2D", makeDeformableAttention, deformableAttention2DDescription},
    {"DeformableAttention3D", makeDeformableAttention, deformableAttention3DDescription},
    {"LocalAttention1D", makeLocalAttention, localAttention1DDescription},
    {"LocalAttention2D", makeLocalAttention, localAttention2DDescription},
    {"LocalAttention3D", makeLocalAttention, localAttention3DDescription},
    {"DynamicSparseAttention", makeDynamicSparseAttention, dynamicSparseAttentionDescription},
    {"grid_sample", makeGridSample, gridSampleDescription},
    {"MSDeformAttn", makeMSDeformAttention, msDeformAttentionDescription},
    {"TutorialDeformableAttention", makeTutorialAttention, tutorialAttentionDescription},
    {"onnx.DeformConv", makeOnnxDeformConv, onnxDeformConvDescription},
    {"onnx.GridSample", makeGridSample, onnxGridSampleDescription},
    {"PhenakiAttention", makePhenakiAttention, phenakiAttentionDescription},
    {"PhenakiFeedForward", makePhenakiFeedForward, phenakiFeedForwardDescription},
    {"PEG", makePeg, pegDescription},
    {"PhenakiTransformer", makePhenakiTransformer, phenakiTransformerDescription},
    {"AlibiPositionalBias", makeAlibiPositionalBias, alibiPositionalBiasDescription},
    {"ContinuousPositionBias", makeContinuousPositionBias, continuousPositionBiasDescription},
    {"PhenakiLayerNorm", makePhenakiLayerNorm, phenakiLayerNormDescription},
    {"GEGLU", makeGeglu, gegluDescription},
    {"l2norm", makeL2Norm, l2NormDescription},
    {"Scale", makeScale, scaleDescription},
    {"CPB", makeCpb, cpbDescription},
    {"DalleAttention", makeDalleAttention, dalleAttentionDescription},
    {"SparseConvCausalAttention", makeDalleSparse, sparseConvCausalDescription},
    {"SparseAxialCausalAttention", makeDalleSparse, sparseAxialCausalDescription},
    {"SparseAttention", makeDalleBlockSparse, sparseAttentionDescription},
    {"onnx.Attention", makeOnnxAttention, onnxAttentionDescription},
    {"onnx.RotaryEmbedding", makeOnnxRotaryEmbedding, onnxRotaryEmbeddingDescription},
};

} // namespace

std::span<const ModuleType> moduleTypes() { return types; }

const ModuleType* findModule(std::string_view name) {
    for (const ModuleType& type : types)
        if (name == type.name)
            return &type;
    return nullptr;
}

void throwUnknownModule(std::string_view name) {
    throw Error(SAC_ERROR_INVALID_CONFIG, "module \"%.*s\" is unknown; there are %s", clip(name), name.data(),
                namesOf(types).text());
}

} // namespace saccade
