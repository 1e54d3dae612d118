// SPDX-License-Identifier: Apache-2.0
#include "layout_settings.hpp"

#include <saccade/saccade.hpp>

#include <cstring>

#include "assignments.hpp"
#include "module_text.hpp"

namespace saccade::cli {

namespace {

constexpr const char* optionName = "--layout";

// A key of the module's configuration, or its default; `otherwise` where it has none.
template <class T>
T configured(const nlohmann::json& config, const ModuleText& module, const std::string& name, T otherwise) {
    if (const auto found = config.find(name); found != config.end() && !found->is_null()) {
        if (!found->is_number_unsigned() && !found->is_boolean())
            throw CLI::ValidationError(optionName, "configuration \"" + name + "\" is " + found->dump());
        return found->get<T>();
    }
    for (const SacKeyDescription& key : module.config)
        if (name == key.name && (key.flags & SAC_KEY_DEFAULT_BIT))
            return static_cast<T>(key.defaultValue);
    return otherwise;
}

// Takes `name` out of the values given.
template <class T>
T take(nlohmann::json& given, const char* name, T otherwise) {
    const auto found = given.find(name);
    if (found == given.end())
        return otherwise;
    const nlohmann::json value = *found;
    given.erase(found);
    try {
        return value.get<T>();
    } catch (const nlohmann::json::exception&) {
        throw CLI::ValidationError(optionName, std::string(name) + "=" + value.dump() + " has another type");
    }
}

// One number stands for a list of it.
std::vector<uint32_t> takeList(nlohmann::json& given, const char* name, std::vector<uint32_t> otherwise) {
    if (const auto found = given.find(name); found != given.end() && found->is_number())
        *found = nlohmann::json::array({*found});
    return take(given, name, std::move(otherwise));
}

std::vector<uint32_t> firstBlocks(uint32_t count) {
    std::vector<uint32_t> blocks(count);
    for (uint32_t i = 0; i < count; ++i)
        blocks[i] = i;
    return blocks;
}

} // namespace

void LayoutSettings::addTo(CLI::App& app) {
    option_ = app.add_option("--layout", values,
                             "Build input layout of SparseAttention as upstream does from the configuration; values "
                             "replace: num_random_blocks, local_window_blocks, global_block_indices, causal, "
                             "different_layout_per_head, seed")
                  ->type_name("[KEY=VALUE]")
                  ->expected(0, -1);
}

void LayoutSettings::addInput(host::TensorMap& inputs, const std::string& module, const nlohmann::json& config) const {
    if (!option_ || !option_->count())
        return;
    if (module != "SparseAttention")
        throw CLI::ValidationError(optionName, module + " has no input \"layout\", SparseAttention has");
    const ModuleText text(module);
    const auto block = configured<uint32_t>(config, text, "block_size", 0);
    const auto sequence = configured<uint32_t>(config, text, "seq_len", 0);
    if (!block || !sequence)
        throw CLI::ValidationError(optionName, "configuration \"seq_len\" and \"block_size\" must be at least 1");
    nlohmann::json given = parseAssignments(values, optionName);
    const auto blocksOf = [&](uint32_t tokens) { return (tokens + block - 1) / block; };

    SacVariableLayoutInfo info = sac::make<SacVariableLayoutInfo>();
    info.heads = configured<uint32_t>(config, text, "heads", 1);
    info.blocks = blocksOf(sequence);
    info.randomBlocks =
        take(given, "num_random_blocks", configured<uint32_t>(config, text, "num_random_blocks", sequence / block / 4));
    const auto windows = takeList(given, "local_window_blocks", {4});
    const auto globals = takeList(given, "global_block_indices",
                                  firstBlocks(blocksOf(configured<uint32_t>(config, text, "text_seq_len", 0))));
    info.localWindowCount = static_cast<uint32_t>(windows.size());
    info.localWindowBlocks = windows.data();
    info.globalBlockCount = static_cast<uint32_t>(globals.size());
    info.globalBlockIndices = globals.data();
    info.causal = take(given, "causal", configured<bool>(config, text, "causal", true));
    info.differentLayoutPerHead = take(given, "different_layout_per_head", false);
    info.seed = take<uint64_t>(given, "seed", 0);
    if (!given.empty())
        throw CLI::ValidationError(
            optionName, "\"" + given.begin().key() +
                            "\" is unknown; there are num_random_blocks, local_window_blocks, global_block_indices, "
                            "causal, different_layout_per_head and seed");

    host::Tensor layout;
    layout.type = DataType::u8;
    layout.shape = {info.heads, info.blocks, info.blocks};
    const std::vector<uint8_t> bytes = sac::buildVariableLayout(info);
    layout.data.resize(bytes.size());
    std::memcpy(layout.data.data(), bytes.data(), bytes.size());
    inputs["layout"] = std::move(layout);
}

} // namespace saccade::cli
