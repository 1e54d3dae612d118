// SPDX-License-Identifier: Apache-2.0
// saccade info: what is in a model file, and what its plan would need.
#include <cstdio>

#include "commands.hpp"
#include "exit_code.hpp"
#include "failure.hpp"
#include "host/golden_case.hpp"
#include "settings.hpp"
#include "table_fallback.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

struct InfoOptions {
    std::vector<std::string> files;
    std::string input;
    DeviceSettings device;
    PlanSettings plan;
};

void printTensors(const Safetensors& contents) {
    TextTable table({"tensor", "type", "shape", "bytes"});
    table.leftColumns(3);
    uint64_t total = 0;
    for (const TensorView& tensor : contents.tensors()) {
        table.add({std::string(tensor.name), std::string(tensor.typeName),
                   host::shapeText(host::Shape(tensor.shape.begin(), tensor.shape.end())),
                   std::to_string(tensor.bytes)});
        total += tensor.bytes;
    }
    table.print();
    std::printf("%zu tensors, %s\n", contents.tensors().size(), bytesText(total).c_str());
}

const char* biasName(SacPositionBiasMode bias) {
    return bias == SAC_POSITION_BIAS_MODE_EXACT ? "exact" : bias == SAC_POSITION_BIAS_MODE_TABLE ? "table" : "none";
}

constexpr std::array memoryNames = {"weights", "tables", "workspace", "state", "staging"};

void printStages(const sac::Plan& plan) {
    TextTable table({"stage", "", "dispatches", "MFLOP", "bytes"});
    table.leftColumns(2);
    const std::vector<SacStageInfo> stages = plan.stages();
    for (std::size_t i = 0; i < stages.size(); ++i) {
        const SacStageInfo& stage = stages[i];
        table.add({std::to_string(i), stage.name, std::to_string(stage.dispatchCount),
                   format("%.3f", static_cast<double>(stage.flops) * 1e-6), std::to_string(stage.bytes)});
    }
    table.print();
}

// Where the bytes of each memory go, and the stages of the run during which a part of the workspace holds its own.
void printBudget(const sac::Plan& plan) {
    TextTable table({"memory", "part", "type", "shape", "stages", "offset", "bytes"});
    table.leftColumns(5);
    for (const SacMemoryPart& part : plan.memoryParts()) {
        std::string stages;
        if (part.kind == SAC_MEMORY_WORKSPACE)
            stages = part.firstStage == SAC_STAGE_UPLOAD ? "upload" : format("%u-%u", part.firstStage, part.lastStage);
        table.add({memoryNames[part.kind], part.name, dataTypeName(host::fileType(part.dataType)),
                   host::shapeText(host::Shape(part.shape, part.shape + part.rank)), stages,
                   std::to_string(part.offset), std::to_string(part.size)});
    }
    table.print();
}

void printPlan(const sac::Plan& plan, const char* device) {
    std::printf("\nplan on %s\n", device);
    TextTable tensors({"tensor", "as", "type", "shape", "bytes"});
    tensors.leftColumns(4);
    for (const SacTensorInfo& info : plan.tensors())
        tensors.add({info.name,
                     (info.flags & SAC_TENSOR_HOST_BIT)     ? "read at creation"
                     : (info.flags & SAC_TENSOR_OUTPUT_BIT) ? "output"
                                                            : "input",
                     dataTypeName(host::fileType(info.dataType)),
                     host::shapeText(host::Shape(info.shape, info.shape + info.rank)), std::to_string(info.size)});
    tensors.print();

    std::printf("\n");
    printStages(plan);
    std::printf("\n");
    printBudget(plan);
    std::printf("\n");
    std::string line = "memory:";
    for (std::size_t kind = 0; kind < memoryNames.size(); ++kind)
        line += std::string(kind ? ", " : " ") + memoryNames[kind] + " " +
                bytesText(plan.memory(static_cast<SacMemoryKind>(kind)).size);
    std::printf("%s\n", line.c_str());

    const SacPlanProperties p = plan.properties();
    std::printf("%u dispatches, %u barriers, %u pipelines, %s, %.3g GFLOP, %s moved\n", p.dispatchCount, p.barrierCount,
                p.pipelineCount, p.precision == SAC_PRECISION_FLOAT16 ? "f16" : "f32",
                static_cast<double>(p.flops) * 1e-9, bytesText(p.bytes).c_str());
    const SacPositionBiasProperties bias = plan.positionBias();
    if (bias.mode == SAC_POSITION_BIAS_MODE_TABLE)
        std::printf("position bias: table of %u x %u x %u nodes, rms error %.1e\n", bias.tableSize[0],
                    std::max(bias.tableSize[1], 1u), std::max(bias.tableSize[2], 1u),
                    static_cast<double>(bias.tableError));
    else
        std::printf("position bias: %s\n", biasName(bias.mode));
}

int run(InfoOptions& options) {
    const std::string& path = options.plan.onlyFile(options.files);
    options.plan.model.given(); // what is wrong with these options is said before anything is printed
    const host::GoldenCase model(path);
    for (const JsonMember& entry : model.file.contents().metadata())
        std::printf("%.*s: %.*s\n", static_cast<int>(entry.key.size()), entry.key.data(),
                    static_cast<int>(entry.value.asString().size()), entry.value.asString().data());
    printTensors(model.file.contents());

    // Without inputs there are no shapes to plan for, but some modules need none.
    host::TensorMap inputs = options.input.empty() ? model.inputs : host::readInputs(options.input);
    const bool mustPlan = !inputs.empty();
    try {
        const host::ModelSource source = options.plan.source(model.file, inputs);
        Workbench bench(options.device);
        Progress progress(model.file.name());
        host::PlanOptions planOptions = options.plan.planOptions(progress);
        planOptions.outputs = host::outputsLike(model.references);
        const sac::Model library(bench.context(), source.info());
        const auto plan = withTableFallback(planOptions, model.file.name(), [&](const host::PlanOptions& planned) {
            return std::make_unique<sac::Plan>(host::makePlan(library, inputs, planned));
        });
        progress.clear();
        printPlan(*plan, bench.device().name());
        bench.checkValidation();
    } catch (...) {
        if (mustPlan)
            throw;
        std::printf("\nno plan: %s\n", currentFailure().message.c_str());
    }
    return exitOk;
}

} // namespace

Command addInfoCommand(CLI::App& app) {
    const auto options = std::make_shared<InfoOptions>();
    CLI::App* command = app.add_subcommand("info", "Describe a model file and, if it holds inputs, its plan");
    command->add_option("FILE", options->files, "Model file")->type_name("")->expected(0, 1);
    command->add_option("--input", options->input, "Take the inputs from this safetensors file")->type_name("FILE");
    options->device.addTo(*command);
    options->plan.addTo(*command);
    return {command, [options] { return run(*options); }};
}

} // namespace saccade::cli
