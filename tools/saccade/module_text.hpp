// SPDX-License-Identifier: Apache-2.0
// What the library says of its modules, in words.
#pragma once

#include <saccade/saccade.h>

#include <string>
#include <vector>

namespace saccade::cli {

/// A module as the API describes it. All strings are the library's.
struct ModuleText {
    /// Throws sac::Exception, for a name that is no module's too.
    explicit ModuleText(const std::string& module);

    SacModuleDescription about;
    std::vector<SacKeyDescription> config, options;
    std::vector<SacTensorDescription> inputs, outputs;
};

/// "integer, 1 to 1024", "zeros | border | reflection", "3 integers, 1 to 1024, or one for all".
std::string valueText(const SacKeyDescription& key);
/// "8", "true", "zeros", "1, 1"; "required"; "-" for one that may be absent.
std::string defaultText(const SacKeyDescription& key);
/// "F32, F16", the default first.
std::string typesText(const SacTensorDescription& tensor);
/// "required" or "optional", with ", read at creation" for those that are; of outputs "main result", "if asked for".
std::string presenceText(const SacTensorDescription& tensor);

} // namespace saccade::cli
