// SPDX-License-Identifier: Apache-2.0
#include "reference/reference.hpp"

#include <nlohmann/json.hpp>

#include "reference/dalle.hpp"
#include "reference/deformable_attention.hpp"
#include "reference/dynamic_attention.hpp"
#include "reference/grid_sample.hpp"
#include "reference/local_attention.hpp"
#include "reference/msdeform_attention.hpp"
#include "reference/network.hpp"
#include "reference/onnx_operators.hpp"
#include "reference/phenaki.hpp"
#include "reference/shifted_window_attention.hpp"
#include "reference/small_layers.hpp"
#include "reference/tutorial_attention.hpp"

namespace saccade::reference {

Tensors run(const std::string& module, const nlohmann::json& config, const Tensors& weights, const Tensors& inputs) {
    if (module == "grid_sample")
        return runGridSample(config, inputs);
    if (module == "DeformableAttention1D")
        return runDeformableAttention(1, config, weights, inputs);
    if (module == "DeformableAttention2D")
        return runDeformableAttention(2, config, weights, inputs);
    if (module == "DeformableAttention3D")
        return runDeformableAttention(3, config, weights, inputs);
    if (module.rfind("LocalAttention", 0) == 0)
        return runLocalAttention(module.at(module.size() - 2) - '0', config, weights, inputs);
    if (module == "DynamicSparseAttention")
        return runDynamicSparseAttention(config, weights, inputs);
    if (module == "ShiftedWindowAttention")
        return runShiftedWindowAttention(config, weights, inputs);
    if (module == "TutorialDeformableAttention")
        return runTutorialAttention(config, weights, inputs);
    if (module == "MSDeformAttn")
        return runMSDeformAttention(config, weights, inputs);
    if (module == "PhenakiAttention")
        return runPhenakiAttention(config, weights, inputs);
    if (module == "AlibiPositionalBias")
        return runAlibi(config);
    if (module == "ContinuousPositionBias")
        return runContinuousPositionBias(config, weights);
    if (module == "PEG")
        return runPeg(config, weights, inputs);
    if (module == "PhenakiFeedForward")
        return runPhenakiFeedForward(weights, inputs);
    if (module == "PhenakiTransformer")
        return runPhenakiTransformer(config, weights, inputs);
    if (module == "PhenakiLayerNorm")
        return runPhenakiLayerNorm(weights, inputs);
    if (module == "GEGLU")
        return runGeglu(inputs);
    if (module == "l2norm")
        return runL2Norm(inputs);
    if (module == "Scale")
        return runScale(config, weights, inputs);
    if (module == "CPB")
        return runCpb(config, weights, inputs);
    if (module == "DalleAttention")
        return runDalleAttention(config, weights, inputs);
    if (module == "SparseConvCausalAttention")
        return runSparseConvAttention(config, weights, inputs);
    if (module == "SparseAxialCausalAttention")
        return runSparseAxialAttention(config, weights, inputs);
    if (module == "SparseAttention")
        return runSparseAttention(config, weights, inputs);
    if (module == "onnx.GridSample")
        return runOnnxGridSample(config, inputs);
    if (module == "onnx.RotaryEmbedding")
        return runOnnxRotaryEmbedding(config, inputs);
    if (module == "onnx.DeformConv")
        return runOnnxDeformConv(config, inputs);
    if (module == "onnx.Attention")
        return runOnnxAttention(config, inputs);
    if (module == "Network")
        return runNetwork(config, weights, inputs);
    throw std::invalid_argument("no reference for module \"" + module + "\"");
}

} // namespace saccade::reference
