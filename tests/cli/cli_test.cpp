// SPDX-License-Identifier: Apache-2.0
// The command line as a user meets it: results in files, tables on stdout, exit codes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <limits>

#include "host/golden_case.hpp"
#include "host/tensor_file.hpp"
#include "support/program.hpp"

namespace saccade::test {
namespace {

std::string golden(const std::string& name) {
    return std::string(SACCADE_TEST_DATA) + "/golden/" + name + ".safetensors";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A golden case with its first number of "out.y" replaced.
void writeChanged(const std::string& name, float value, const std::string& path) {
    const host::TensorFile file(golden(name));
    host::TensorMap tensors = file.tensors();
    std::vector<float> values = host::toFloats(tensors.at("out.y"));
    values[0] = value;
    tensors["out.y"] = host::makeTensor(tensors["out.y"].shape, values);
    host::writeTensors(path, tensors, {{"module", file.metadata("module")}, {"config", file.metadata("config")}});
}

/// The weights of a golden case as the ecosystem writes them: under a prefix, without the library's metadata.
void writePlain(const std::string& name, const std::string& prefix, const host::Metadata& metadata,
                const std::string& path) {
    host::TensorMap weights;
    for (const auto& [key, tensor] : host::TensorFile(golden(name)).tensors("w."))
        weights[prefix + key] = tensor;
    weights[prefix.empty() ? "w.other" : "other"] = host::makeTensor({1}, std::vector<float>{1});
    host::writeTensors(path, weights, metadata);
}

/// Runs and expects the golden case's y.
void expectResult(const std::string& name, std::vector<std::string> arguments, const std::string& output) {
    arguments.insert(arguments.end(), {"--input", golden(name), "--output", output, "--result", "y"});
    const ProgramResult result = runSaccade(arguments);
    ASSERT_EQ(result.exitCode, 0) << result.err;
    EXPECT_LE(host::relativeError(host::TensorFile(output).tensors().at("y"),
                                  host::TensorFile(golden(name)).tensors("out.").at("y")),
              1e-5);
}

struct Wrong {
    std::vector<std::string> arguments;
    int exitCode;
    const char* message; ///< part of what stderr says
};

TEST(Cli, AnswersHelpAndVersion) {
    const ProgramResult help = runSaccade({"--help"});
    EXPECT_EQ(help.exitCode, 0);
    EXPECT_NE(help.out.find("Exit codes"), std::string::npos) << help.out;
    for (const char* command : {"run", "verify", "info", "modules", "devices", "bench"}) {
        EXPECT_EQ(runSaccade({command, "--help"}).exitCode, 0) << command;
        EXPECT_NE(help.out.find(command), std::string::npos) << command;
    }
    EXPECT_EQ(runSaccade({"--version"}).out, "saccade " SACCADE_PROJECT_VERSION "\n");
}

TEST(Cli, NamesWhatIsWrongAndExitsWithItsCode) {
    const ScratchFolder scratch;
    std::ofstream(scratch.file("junk")) << "not a safetensors file";
    const std::string model = golden("deformable_1d_1"), sparse = golden("dalle_block_sparse_0"),
                      cached = golden("dalle_attention_0"), plain = scratch.file("plain");
    writePlain("phenaki_attention_1", "", {{"format", "pt"}}, plain);
    const Wrong cases[] = {
        {{}, 2, "Subcommands"},
        {{"walk"}, 2, "walk"},
        {{"run"}, 2, "FILE"},
        {{"run", model, model}, 2, "FILE"},
        {{"run", model, "--bias", "guessed"}, 2, "--bias"},
        {{"run", model, "--tolerance", "2"}, 2, "--tolerance"},
        {{"run", model, "--set", "=1"}, 2, "key=value"},
        {{"run", model, "--set", "heads"}, 2, "heads"},
        {{"run", scratch.file("absent")}, 3, "absent"},
        {{"run", plain}, 3, "names no module; --module NAME does"},
        {{"verify", plain}, 3, "no reference results"},
        {{"run", plain, "--module", "Perceiver"}, 3, "\"Perceiver\" is unknown; there are \"DeformableAttention1D\""},
        {{"run", plain, "--module", "PEG", "--config", "{dim"}, 2, "\"{dim\" is not a JSON object"},
        {{"run", plain, "--module", "PEG", "--config", scratch.file("none.json")}, 3, "none.json"},
        {{"run", plain, "--module", "PEG", "--config", "{}"}, 3, "config \"dim\": an integer is required"},
        {{"run", model, "--prefix", "encoder."}, 3, "encoder.to_q.weight"},
        {{"run", model, "--layout"}, 2, "--layout: DeformableAttention1D has no input \"layout\""},
        {{"run", sparse, "--layout", "blocks=3"}, 2, "\"blocks\" is unknown; there are num_random_blocks"},
        {{"run", sparse, "--layout", "num_random_blocks=many"}, 2, "num_random_blocks=\"many\""},
        {{"run", sparse, "--layout", "num_random_blocks=999"}, 3, "999"},
        {{"run", model, "--set", "cache=1"}, 3, "\"cache\": unknown"},
        {{"run", cached, "--set", "cache=true"}, 3, "\"cache\": unknown here, it is for --argument"},
        {{"run", cached, "--argument", "heads=2"}, 3, "\"heads\": unknown here, it is for --set or --config"},
        {{"run", model, "--argument", "fast=1"}, 3, "option \"fast\": unknown; there are none"},
        {{"modules", "Perceiver"}, 3, "\"Perceiver\" is unknown"},
        {{"run", scratch.file("")}, 3, "directory"},
        {{"run", scratch.file("junk")}, 3, "junk"},
        {{"info", scratch.file("junk")}, 3, "junk"},
        {{"verify", scratch.file("junk")}, 3, "junk"},
        {{"run", model, "--set", "headz=4"}, 3, "headz"},
        {{"run", model, "--set", "heads=3"}, 3, "heads"},
        {{"run", model, "--result", "z"}, 3, "\"z\""},
        {{"run", model, "--input", golden("grid_sample_0")},
         3,
         "the inputs have \"grid\", which DeformableAttention1D does not have; its inputs are \"x\""},
        {{"run", model, "--output", scratch.file("no/such/folder")}, 3, "no/such/folder"},
        {{"run", model, "--device", "no such device"}, 4, "no such device"},
        {{"run", model, "--dump", "q"}, 2, "--dump-file"},
        {{"run", model, "--dump-file", scratch.file("dump")}, 2, "--dump"},
        {{"run", model, "--dump", "q,y", "--dump-file", scratch.file("dump")}, 3, "\"y\""},
        {{"run", model, "--repeats", "3"}, 2, "--times"},
        {{"run", model, "--times", "--repeats", "0"}, 2, "--repeats"},
        {{"bench", "--case", "4d"}, 2, "--case"},
        {{"bench", "--record", "--threads", "1"}, 2, "--threads"},
        {{"bench", "--record", "--validation"}, 2, "--validation"},
        {{"bench", "--start", "--validation"}, 2, "--validation"},
    };
    for (const Wrong& wrong : cases) {
        std::string line;
        for (const std::string& argument : wrong.arguments)
            line += " " + argument;
        const ProgramResult result = runSaccade(wrong.arguments);
        EXPECT_EQ(result.exitCode, wrong.exitCode) << line << "\n" << result.err;
        EXPECT_TRUE(contains(result.err, wrong.message)) << line << "\n" << result.err;
    }
}

TEST(Cli, RunWritesResultsByTheirNames) {
    const ScratchFolder scratch;
    const std::string output = scratch.file("results.safetensors");
    const ProgramResult result = runSaccade({"run", golden("deformable_1d_1"), "--output", output, "--validation"});
    ASSERT_EQ(result.exitCode, 0) << result.err;
    const host::TensorMap results = host::TensorFile(output).tensors();
    const host::TensorMap references = host::TensorFile(golden("deformable_1d_1")).tensors("out.");
    ASSERT_EQ(results.size(), references.size());
    for (const auto& [name, reference] : references)
        EXPECT_LE(host::relativeError(results.at(name), reference), 5e-5) << name;
}

TEST(Cli, RunTakesInputsFromAnotherFileByEitherName) {
    const ScratchFolder scratch;
    const host::TensorFile model(golden("grid_sample_0"));
    const host::Tensor reference = model.tensors("out.").at("y");
    host::writeTensors(scratch.file("plain"), model.tensors("in."));
    for (const std::string& input : {scratch.file("plain"), golden("grid_sample_0")}) {
        const std::string output = scratch.file("results");
        const ProgramResult result =
            runSaccade({"run", golden("grid_sample_0"), "--input", input, "--output", output, "--result", "y"});
        ASSERT_EQ(result.exitCode, 0) << result.err;
        EXPECT_LE(host::relativeError(host::TensorFile(output).tensors().at("y"), reference), 1e-5) << input;
    }
}

TEST(Cli, RunsFilesThatDoNotSayWhatTheyAre) {
    const std::string name = "phenaki_attention_1";
    const ScratchFolder scratch;
    const std::string file = scratch.file("plain"), output = scratch.file("results"), json = scratch.file("config");
    const std::string config = host::TensorFile(golden(name)).metadata("config");
    std::ofstream(json) << config;

    writePlain(name, "encoder.attn.", {}, file);
    const std::vector<std::string> named = {"run", file, "--module", "PhenakiAttention", "--prefix", "encoder.attn."};
    for (const std::string& given : {config, json}) {
        std::vector<std::string> arguments = named;
        arguments.insert(arguments.end(), {"--config", given});
        expectResult(name, arguments, output);
    }
    // A prefix of nothing is one, too, though a name begins with "w.".
    writePlain(name, "", {{"format", "pt"}}, file);
    expectResult(name, {"run", file, "--module", "PhenakiAttention", "--prefix", "", "--config", config}, output);
    // As tools/export.py writes it with a prefix.
    writePlain(name, "encoder.attn.", {{"module", "PhenakiAttention"}, {"config", config}, {"prefix", "encoder.attn."}},
               file);
    expectResult(name, {"run", file}, output);
    const ProgramResult info = runSaccade({"info", file, "--input", golden(name)});
    EXPECT_EQ(info.exitCode, 0) << info.err;
    EXPECT_TRUE(contains(info.out, "plan on")) << info.out;
}

TEST(Cli, BuildsBlockLayouts) {
    const std::string name = "dalle_block_sparse_0";
    const ScratchFolder scratch;
    const auto run = [&](std::vector<std::string> arguments) {
        const std::string output = scratch.file("results");
        arguments.insert(arguments.begin(), {"run", golden(name), "--output", output, "--result", "y"});
        const ProgramResult result = runSaccade(arguments);
        EXPECT_EQ(result.exitCode, 0) << result.err;
        return host::TensorFile(output).tensors().at("y");
    };
    // All blocks are in one window: the layout of ones, as an input.
    host::TensorMap inputs = host::TensorFile(golden(name)).tensors("in.");
    std::fill(inputs.at("layout").data.begin(), inputs.at("layout").data.end(), std::byte{1});
    host::writeTensors(scratch.file("ones"), inputs);
    const host::Tensor ones = run({"--input", scratch.file("ones")});
    const host::Tensor window = run({"--layout", "local_window_blocks=1000", "num_random_blocks=0"});
    EXPECT_LE(host::relativeError(window, ones), 1e-6);
    const host::Tensor few =
        run({"--layout", "local_window_blocks=1", "num_random_blocks=0", "global_block_indices=[]"});
    EXPECT_GT(host::relativeError(few, ones), 1e-3);
    run({"--layout"}); // as upstream, from the configuration
}

TEST(Cli, ModulesSaysWhatTheyTake) {
    const ProgramResult list = runSaccade({"modules"});
    EXPECT_EQ(list.exitCode, 0) << list.err;
    EXPECT_TRUE(contains(list.out, "PhenakiTransformer")) << list.out;
    const ProgramResult one = runSaccade({"modules", "DalleAttention"});
    EXPECT_EQ(one.exitCode, 0) << one.err;
    for (const char* part : {"arXiv 2102.12092", "seq_len", "integer, 1 to 1024", "cache_length", "rotary_pos_emb",
                             "(b, n, dim)", "main result", "limits"})
        EXPECT_TRUE(contains(one.out, part)) << part << "\n" << one.out;
}

TEST(Cli, RunDumpsIntermediates) {
    const ScratchFolder scratch;
    const std::string one = scratch.file("one"), all = scratch.file("all");
    const std::string model = golden("deformable_1d_1");
    ProgramResult result = runSaccade({"run", model, "--dump", "k,v", "--dump-file", one, "--validation"});
    ASSERT_EQ(result.exitCode, 0) << result.err;
    result = runSaccade({"run", model, "--dump", "all", "--dump-file", all});
    ASSERT_EQ(result.exitCode, 0) << result.err;
    const host::TensorMap few = host::TensorFile(one).tensors(), every = host::TensorFile(all).tensors();
    ASSERT_EQ(few.size(), 2u);
    EXPECT_GT(every.size(), 5u);
    for (const char* name : {"k", "v"})
        EXPECT_EQ(few.at(name).data, every.at(name).data) << name;
}

TEST(Cli, RunPrintsTheTimeOfEachStage) {
    const ProgramResult result =
        runSaccade({"run", golden("deformable_1d_1"), "--times", "--repeats", "2", "--validation"});
    ASSERT_EQ(result.exitCode, 0) << result.err;
    for (const char* part : {"GFLOP/s", "GB/s", "to_offsets", "grid_sample", "together"})
        EXPECT_TRUE(contains(result.out, part)) << part << "\n" << result.out;
}

TEST(Cli, SetReplacesMembersOfTheConfiguration) {
    // A list of numbers, and a file behind it.
    const ProgramResult pieces =
        runSaccade({"verify", "--set", "cache_steps=10,1,1,4,8", golden("dalle_attention_4"), "--validation"});
    EXPECT_EQ(pieces.exitCode, 0) << pieces.out << pieces.err;
    // Other functions than the references are of.
    const ProgramResult other = runSaccade({"verify", golden("dalle_attention_4"), "--set", "causal=false"});
    EXPECT_EQ(other.exitCode, 1) << other.out << other.err;
    const ProgramResult text =
        runSaccade({"verify", golden("grid_sample_0"), "--set", "mode=nearest", "padding=border"});
    EXPECT_EQ(text.exitCode, 1) << text.out << text.err;
}

TEST(Cli, VerifyPrintsOneRowPerResultAndPasses) {
    const ProgramResult result = runSaccade(
        {"verify", golden("deformable_1d_0"), golden("grid_sample_0"), golden("msdeform_0"), "--bias", "table"});
    EXPECT_EQ(result.exitCode, 0) << result.out << result.err;
    for (const char* name : {"deformable_1d_0", "vgrid", "grid_sample_0", "msdeform_0", "sampling_locations"})
        EXPECT_TRUE(contains(result.out, name)) << name << "\n" << result.out;
    EXPECT_FALSE(contains(result.out, "WRONG")) << result.out;
}

TEST(Cli, VerifyFailsForAWrongNumberAndForNaN) {
    const ScratchFolder scratch;
    for (const float value : {100.0f, std::numeric_limits<float>::quiet_NaN()}) {
        writeChanged("grid_sample_0", value, scratch.file("changed"));
        const ProgramResult result = runSaccade({"verify", scratch.file("changed"), golden("grid_sample_1")});
        EXPECT_EQ(result.exitCode, 1) << result.out << result.err;
        EXPECT_TRUE(contains(result.out, "WRONG")) << result.out;
        EXPECT_TRUE(contains(result.out, "1 out of tolerance")) << result.out;
    }
}

TEST(Cli, VerifyGoesOnAfterAFileThatCannotBeRun) {
    const ScratchFolder scratch;
    std::ofstream(scratch.file("junk")) << "not a safetensors file";
    const ProgramResult result = runSaccade({"verify", scratch.file("junk"), golden("grid_sample_1")});
    EXPECT_EQ(result.exitCode, 3) << result.out << result.err;
    EXPECT_TRUE(contains(result.out, "grid_sample_1")) << result.out;
    EXPECT_TRUE(contains(result.out, "ok")) << result.out;
}

TEST(Cli, InfoDescribesFileAndPlan) {
    const ProgramResult result = runSaccade({"info", golden("deformable_2d_1")});
    EXPECT_EQ(result.exitCode, 0) << result.err;
    for (const char* part : {"DeformableAttention2D", "\"offset_groups\": 2", "w.to_q.weight", "(2, 64, 10, 14)",
                             "workspace", "dispatches", "key positions", "to_out.bias", "grid_sample"})
        EXPECT_TRUE(contains(result.out, part)) << part << "\n" << result.out;
}

TEST(Cli, DevicesListsTheDefaultOne) {
    const ProgramResult result = runSaccade({"devices"});
    EXPECT_EQ(result.exitCode, 0) << result.err;
    EXPECT_TRUE(contains(result.out, "0: ")) << result.out;
    EXPECT_TRUE(contains(result.out, "default: ")) << result.out;
}

TEST(Cli, ProfilesNarrowTheDevice) {
    const std::string file = golden("deformable_1d_0");
    const ProgramResult gpu = runSaccade({"info", "--profile", "gpu", file});
    EXPECT_EQ(gpu.exitCode, 0) << gpu.err;
    const ProgramResult minimum = runSaccade({"verify", "--profile", "minimum", file});
    EXPECT_EQ(minimum.exitCode, 4);
    EXPECT_TRUE(contains(minimum.err, "maxPerStageDescriptorStorageBuffers is 4")) << minimum.err;

    const ScratchFolder scratch;
    const std::string path = scratch.file("profile.json");
    for (const auto& [text, named] :
         {std::pair(R"({"maxComputeSharedMemorySize": 16383})", "info->profile->maxComputeSharedMemorySize is 16383"),
          std::pair(R"({"maxSharedMemory": 1})", "has \"maxSharedMemory\", which is no member of SacDeviceProfile"),
          std::pair(R"({"kind": "tpu"})", "neither \"cpu\" nor \"gpu\""),
          std::pair(R"({"matrixShapes": [{"m": 8, "n": 8, "k": 77}]})", "info->profile->matrixShapes[0] is 8 x 8 x 77"),
          std::pair(R"([1])", "is no JSON object")}) {
        std::ofstream(path) << text;
        const ProgramResult result = runSaccade({"info", "--profile", path, file});
        EXPECT_NE(result.exitCode, 0) << text;
        EXPECT_TRUE(contains(result.err, named)) << result.err;
    }
    std::ofstream(path) << R"({"kind": "gpu", "subgroupOperations": 0, "maxComputeWorkGroupSize": [256, 256, 64]})";
    EXPECT_EQ(runSaccade({"info", "--profile", path, file}).exitCode, 0);
}

TEST(Cli, BenchWritesItsTableAsJsonToo) {
    const ScratchFolder scratch;
    const ProgramResult result = runSaccade(
        {"bench", "--case", "1d", "--bias", "table", "--repeats", "1", "--json", scratch.file("bench.json")});
    ASSERT_EQ(result.exitCode, 0) << result.err;
    EXPECT_TRUE(contains(result.out, "GFLOP/s")) << result.out;
    const nlohmann::json report = nlohmann::json::parse(std::ifstream(scratch.file("bench.json")));
    ASSERT_EQ(report.at("examples").size(), 1u);
    const nlohmann::json& row = report["examples"][0];
    EXPECT_EQ(row.at("case"), "1d");
    EXPECT_EQ(row.at("bias"), "table");
    EXPECT_GT(row.at("median_ms").get<double>(), 0);
    EXPECT_LE(row.at("min_ms").get<double>(), row.at("median_ms").get<double>());
    EXPECT_LE(row.at("table_error").get<double>(), 1e-4);
    for (const char* key : {"flops", "bytes", "workspace_bytes", "weight_bytes", "table_bytes"})
        EXPECT_GT(row.at(key).get<uint64_t>(), 0u) << key;
}

} // namespace
} // namespace saccade::test
