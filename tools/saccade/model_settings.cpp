// SPDX-License-Identifier: Apache-2.0
#include "model_settings.hpp"

#include "assignments.hpp"
#include "host/errors.hpp"

namespace saccade::cli {

namespace {

nlohmann::json parseObject(const std::string& text, const std::string& name) {
    nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
    if (!object.is_object())
        throw CLI::ValidationError("--config", name + " is not a JSON object");
    return object;
}

// The object itself, or the file that holds it.
nlohmann::json readConfig(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || text[first] == '{')
        return parseObject(text, "\"" + text + "\"");
    const std::vector<std::byte> bytes = host::readFile(text);
    return parseObject(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), text);
}

} // namespace

void ModelSettings::addTo(CLI::App& app) {
    app.add_option("--module", module,
                   "What the file is a model of, where its metadata does not say so or something else: a name that "
                   "saccade modules lists")
        ->type_name("NAME");
    app.add_option("--config", config,
                   "Constructor arguments of the module, over those of the file: a JSON object, or a file with one")
        ->type_name("JSON|FILE");
    prefixOption_ = app.add_option("--prefix", prefix,
                                   "What the names of the module's weights begin with in the file; default: \"prefix\" "
                                   "of its metadata, else w. if any name begins so")
                        ->type_name("P");
    app.add_option("--set", set, "Members of the configuration, over --config: --set axis_order=xyz cache_steps=10,1")
        ->type_name("KEY=VALUE");
}

std::string ModelSettings::moduleOf(const host::TensorFile& file) const {
    if (!module.empty())
        return module;
    const std::string named = file.metadata("module");
    if (named.empty())
        throw host::FileError(
            file.name() + ": its metadata names no module; --module NAME does, of those that saccade modules lists");
    return named;
}

nlohmann::json ModelSettings::given() const {
    nlohmann::json object = config.empty() ? nlohmann::json::object() : readConfig(config);
    object.update(parseAssignments(set, "--set"));
    return object;
}

nlohmann::json ModelSettings::configOf(const host::TensorFile& file) const {
    nlohmann::json merged = nlohmann::json::object();
    if (const std::string own = file.metadata("config"); !own.empty()) {
        merged = nlohmann::json::parse(own, nullptr, false);
        if (!merged.is_object())
            throw host::FileError(file.name() + ": \"config\" of its metadata is not a JSON object");
    }
    merged.update(given());
    return merged;
}

host::ModelSource ModelSettings::source(const host::TensorFile& file) const {
    host::ModelSource source{file.bytes(), moduleOf(file), configOf(file).dump(), {}};
    if (prefixOption_ && prefixOption_->count())
        source.weightPrefix = prefix;
    return source;
}

} // namespace saccade::cli
