// The one list of modules: adding a system adds its file and one line here.
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr ModuleType types[] = {
    {"DeformableAttention1D", makeDeformableAttention},
    {"DeformableAttention2D", makeDeformableAttention},
    {"DeformableAttention3D", makeDeformableAttention},
    {"grid_sample", makeGridSample},
    {"MSDeformAttn", makeMSDeformAttention},
    {"TutorialDeformableAttention", makeTutorialAttention},
    {"onnx.DeformConv", makeOnnxDeformConv},
    {"onnx.GridSample", makeGridSample},
    {"PhenakiAttention", makePhenakiAttention},
    {"PhenakiFeedForward", makePhenakiFeedForward},
    {"PEG", makePeg},
    {"PhenakiTransformer", makePhenakiTransformer},
    {"AlibiPositionalBias", makeAlibiPositionalBias},
    {"ContinuousPositionBias", makeContinuousPositionBias},
    {"DalleAttention", makeDalleAttention},
    {"SparseConvCausalAttention", makeDalleSparse},
    {"SparseAxialCausalAttention", makeDalleSparse},
    {"SparseAttention", makeDalleBlockSparse},
    {"onnx.Attention", makeOnnxAttention},
    {"onnx.RotaryEmbedding", makeOnnxRotaryEmbedding},
};

} // namespace

std::span<const ModuleType> moduleTypes() { return types; }

const ModuleType* findModule(std::string_view name) {
    for (const ModuleType& type : types)
        if (name == type.name)
            return &type;
    return nullptr;
}

} // namespace saccade
