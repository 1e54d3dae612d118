// The modules there are, by the name models carry.
#pragma once

#include "modules/module.hpp"

namespace saccade {

struct ModuleType {
    const char* name;
    ModulePtr (*make)(const ModuleSource&);
};

/// All modules, in the order sacGetModuleName lists them.
std::span<const ModuleType> moduleTypes();

/// The module of this name; null if there is none.
const ModuleType* findModule(std::string_view name);

// Each is defined in the file of its system.
ModulePtr makeDeformableAttention(const ModuleSource& source);
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
ModulePtr makeDalleAttention(const ModuleSource& source);
ModulePtr makeDalleSparse(const ModuleSource& source);
ModulePtr makeDalleBlockSparse(const ModuleSource& source);
ModulePtr makeOnnxAttention(const ModuleSource& source);
ModulePtr makeOnnxRotaryEmbedding(const ModuleSource& source);

} // namespace saccade
