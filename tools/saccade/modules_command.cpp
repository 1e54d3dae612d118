// SPDX-License-Identifier: Apache-2.0
// saccade modules: what there is, what each module takes and what it gives.
#include <saccade/saccade.hpp>

#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "exit_code.hpp"
#include "module_text.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

struct ModulesOptions {
    std::string module;
    bool markdown = false;
};

using Row = std::vector<std::string>;

std::vector<Row> keyRows(const std::vector<SacKeyDescription>& keys) {
    std::vector<Row> rows;
    for (const SacKeyDescription& key : keys)
        rows.push_back({key.name, valueText(key), defaultText(key), key.meaning});
    return rows;
}

std::vector<Row> tensorRows(const std::vector<SacTensorDescription>& tensors) {
    std::vector<Row> rows;
    for (const SacTensorDescription& tensor : tensors)
        rows.push_back({tensor.name, tensor.shape, typesText(tensor), presenceText(tensor), tensor.meaning});
    return rows;
}

const Row keyHeader(const char* title) { return {title, "value", "default", "meaning"}; }
const Row tensorHeader(const char* title) { return {title, "shape", "types", "", "meaning"}; }

// Calls `print(header, rows)` for each table of the module that has rows.
template <class Print>
void eachTable(const ModuleText& module, const Print& print) {
    for (const auto& [title, keys] : {std::pair("configuration", &module.config), std::pair("option", &module.options)})
        if (!keys->empty())
            print(keyHeader(title), keyRows(*keys));
    for (const auto& [title, tensors] : {std::pair("input", &module.inputs), std::pair("output", &module.outputs)})
        if (!tensors->empty())
            print(tensorHeader(title), tensorRows(*tensors));
}

void printModule(const ModuleText& module) {
    std::printf("%s: %s\nFrom: %s\n", module.about.name, module.about.summary, module.about.origin);
    eachTable(module, [](const Row& header, const std::vector<Row>& rows) {
        TextTable table(header);
        table.leftColumns(header.size());
        for (const Row& row : rows)
            table.add(row);
        std::printf("\n");
        table.print();
    });
    if (module.about.limitCount)
        std::printf("\nlimits\n");
    for (uint32_t i = 0; i < module.about.limitCount; ++i)
        std::printf("  %s\n", module.about.limits[i]);
}

void printList() {
    TextTable table({"module", "what it is"});
    table.leftColumns(2);
    for (const std::string name : sac::moduleNames())
        table.add({name, ModuleText(name).about.summary});
    table.print();
    std::printf("\nsaccade modules NAME prints what one of them takes and gives.\n");
}

// A cell of a Markdown table: its bars and stars stand for themselves.
std::string cell(const std::string& text, bool isCode) {
    std::string out;
    for (const char c : text) {
        if (c == '|' || (!isCode && (c == '*' || c == '_' || c == '<')))
            out += '\\';
        out += c;
    }
    return isCode ? "`" + out + "`" : out;
}

void printMarkdownTable(const Row& header, const std::vector<Row>& rows) {
    std::printf("\n");
    for (const std::string& title : header)
        std::printf("| %s ", title.c_str());
    std::printf("|\n");
    for (std::size_t i = 0; i < header.size(); ++i)
        std::printf("|---");
    std::printf("|\n");
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            std::printf("| %s ", cell(row[i], i == 0 || header[i] == "shape").c_str());
        std::printf("|\n");
    }
}

constexpr const char* preface = R"(# Modules

What each module takes and gives. This file is written by `saccade modules --markdown` from the tables that the library
itself reads and checks by; `saccade modules NAME` prints one module, and `sacGetModuleDescription`, `sacGetModuleKeys` and
`sacGetModuleTensors` answer the same in a program.

- **configuration**: members of `SacModelInfo::config`, or of `config` in a file's metadata: the constructor's arguments.
  A key without a default that is not required may be left out; its meaning says what then holds.
- **option**: members of `SacPlanInfo::options`: the forward arguments that are no tensors.
- **input**, **output**: the plan's tensors, shapes as in PyTorch. A name in a shape is one size wherever the module's tables
  have it, and the value of the configuration's key of that name if there is one; `*spatial` stands for any number of
  dimensions. The first type is the default. Activations may also be bound channels last or as images
  (`SacTensorDesc`).

Limits of all modules: a tensor has at most 2^31 elements and fits the device's `maxStorageBufferRange`; heads have at most
256 channels.
)";

void printMarkdown() {
    std::printf("%s\n", preface);
    for (const std::string name : sac::moduleNames()) {
        std::string anchor;
        for (const char c : name)
            if (c != '.')
                anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        std::printf("- [%s](#%s): %s\n", cell(name, false).c_str(), anchor.c_str(), ModuleText(name).about.summary);
    }
    for (const std::string name : sac::moduleNames()) {
        const ModuleText module(name);
        std::printf("\n## %s\n\n%s From %s.\n", cell(name, false).c_str(), module.about.summary, module.about.origin);
        eachTable(module, printMarkdownTable);
        if (module.about.limitCount)
            std::printf("\n");
        for (uint32_t i = 0; i < module.about.limitCount; ++i)
            std::printf("- %s\n", cell(module.about.limits[i], false).c_str());
    }
}

int run(const ModulesOptions& options) {
    if (options.markdown)
        printMarkdown();
    else if (options.module.empty())
        printList();
    else
        printModule(ModuleText(options.module));
    return exitOk;
}

} // namespace

Command addModulesCommand(CLI::App& app) {
    const auto options = std::make_shared<ModulesOptions>();
    CLI::App* command = app.add_subcommand("modules", "List the modules, or what one of them takes and gives");
    CLI::Option* name = command->add_option("NAME", options->module, "A module")->type_name("");
    command->add_flag("--markdown", options->markdown, "Print all of it as docs/modules.md has it")->excludes(name);
    return {command, [options] { return run(*options); }};
}

} // namespace saccade::cli
