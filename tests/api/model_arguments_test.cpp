// SPDX-License-Identifier: Apache-2.0
// Wrong arguments of sacCreateModel and sacDestroyModel: structures, files, configurations, weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "refused.hpp"
#include "support/golden.hpp"
#include "support/model_file.hpp"

namespace saccade::test {
namespace {

class ModelArguments : public GpuTest {
protected:
    void expectModelRefused(const SacModelInfo& info, SacResult result, const char* named) {
        SacModel model = reinterpret_cast<SacModel>(this);
        SacError error = unsetError();
        expectRefused(sacCreateModel(context, &info, &model, &error), error, result, named);
        EXPECT_EQ(model, nullptr);
        EXPECT_EQ(sacCreateModel(context, &info, &model, nullptr), result);
    }
    void expectBytesRefused(const std::vector<std::byte>& bytes, SacResult result, const char* named) {
        SacModelInfo info = valid;
        info.data = bytes.data();
        info.size = bytes.size();
        expectModelRefused(info, result, named);
    }

    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_2d_2.safetensors"};
    Context context{device()};
    SacModelInfo valid{
        SAC_STRUCTURE_TYPE_MODEL_INFO, nullptr, golden.bytes.data(), golden.bytes.size(), nullptr, nullptr, nullptr};
};

TEST_F(ModelArguments, nameWhatIsWrong) {
    using Info = SacModelInfo;
    const int other = 0;
    const auto config = [](const char* text) { return [text](Info& i) { i.config = text; }; };
    const std::vector<Wrong<Info>> cases = {
        {"sType", [](Info& i) { i.sType = SAC_STRUCTURE_TYPE_PLAN_INFO; }, SAC_ERROR_INVALID_ARGUMENT, "sType of info"},
        {"pNext", [&](Info& i) { i.pNext = &other; }, SAC_ERROR_INVALID_ARGUMENT, "pNext of info"},
        {"size without data", [](Info& i) { i.data = nullptr; }, SAC_ERROR_INVALID_ARGUMENT, "info->data"},
        {"neither data nor module",
         [](Info& i) {
             i.data = nullptr;
             i.size = 0;
         },
         SAC_ERROR_INVALID_ARGUMENT, "info->module"},
        {"unknown module", [](Info& i) { i.module = "DeformableAttention4D"; }, SAC_ERROR_INVALID_CONFIG,
         "DeformableAttention4D"},
        {"empty module", [](Info& i) { i.module = ""; }, SAC_ERROR_INVALID_CONFIG, "module \"\""},
        {"config no JSON", config("{\"dim\": "), SAC_ERROR_INVALID_CONFIG, "info->config"},
        {"config no object", config("[1, 2]"), SAC_ERROR_INVALID_CONFIG, "config"},
        {"config key unknown", config(R"({"dims": 3})"), SAC_ERROR_INVALID_CONFIG, "dims"},
        {"config value of another type", config(R"({"heads": "four"})"), SAC_ERROR_INVALID_CONFIG, "heads"},
        {"config value a fraction", config(R"({"heads": 2.5})"), SAC_ERROR_INVALID_CONFIG, "heads"},
        {"config value too small", config(R"({"downsample_factor": 0})"), SAC_ERROR_INVALID_CONFIG,
         "downsample_factor"},
        {"config value too large", config(R"({"dim_head": 257})"), SAC_ERROR_INVALID_CONFIG, "dim_head"},
        {"config value no choice", config(R"({"axis_order": "zyx"})"), SAC_ERROR_INVALID_CONFIG, "axis_order"},
        {"heads and groups", config(R"({"offset_groups": 4})"), SAC_ERROR_INVALID_CONFIG, "offset_groups"},
        {"dim and groups", config(R"({"heads": 5, "offset_groups": 5})"), SAC_ERROR_INVALID_CONFIG, "dim"},
        {"kernel and stride", config(R"({"offset_kernel_size": 7})"), SAC_ERROR_INVALID_CONFIG, "offset_kernel_size"},
        {"kernel below stride", config(R"({"offset_kernel_size": 2})"), SAC_ERROR_INVALID_CONFIG, "offset_kernel_size"},
        {"key of another module", config(R"({"sampling": "listing"})"), SAC_ERROR_INVALID_CONFIG, "sampling"},
        {"required key missing",
         [](Info& i) {
             i.data = nullptr;
             i.size = 0;
             i.module = "DeformableAttention2D";
         },
         SAC_ERROR_INVALID_CONFIG, "dim"},
        {"weights missing", [](Info& i) { i.weightPrefix = "model."; }, SAC_ERROR_INVALID_WEIGHTS, "model.to_q.weight"},
        {"weights of another shape", config(R"({"dim": 64})"), SAC_ERROR_INVALID_WEIGHTS, "to_q.weight"},
        {"weights of another module", [](Info& i) { i.module = "DeformableAttention1D"; }, SAC_ERROR_INVALID_WEIGHTS,
         "to_q.weight"},
    };
    for (const auto& wrong : cases) {
        SCOPED_TRACE(wrong.what);
        SacModelInfo info = valid;
        wrong.spoil(info);
        expectModelRefused(info, wrong.result, wrong.named);
    }

    SacError error = unsetError();
    SacModel model = nullptr;
    expectRefused(sacCreateModel(nullptr, &valid, &model, &error), error, SAC_ERROR_INVALID_ARGUMENT, "context");
    expectRefused(sacCreateModel(context, nullptr, &model, &error), error, SAC_ERROR_INVALID_ARGUMENT, "info");
    expectRefused(sacCreateModel(context, &valid, nullptr, &error), error, SAC_ERROR_INVALID_ARGUMENT, "model");
}

TEST_F(ModelArguments, validOnesWork) {
    Model model(context, valid);
    EXPECT_STREQ(sacGetModelModule(model), "DeformableAttention2D");
    SacModelInfo weightless{};
    weightless.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
    weightless.module = "grid_sample";
    weightless.config = R"({"dims": 1})";
    Model other(context, weightless);
    EXPECT_STREQ(sacGetModelModule(other), "grid_sample");
    SacModelInfo replaced = valid;
    replaced.config = R"({"axis_order": "xyz", "offset_scale": null})";
    Model third(context, replaced);
}

TEST_F(ModelArguments, weightPrefixNamesTheWeights) {
    const nlohmann::json config = nlohmann::json::parse(golden.file.metadata.at("config"));
    for (const char* prefix : {"", "w.", "encoder.layers.0."}) {
        SCOPED_TRACE(prefix);
        reference::Tensors weights;
        weights["w.other"] = reference::Tensor(reference::Shape{1}, 1);
        for (const auto& [name, tensor] : reference::withPrefix(golden.file.tensors, "w."))
            weights[prefix + name] = tensor;
        const std::vector<std::byte> bytes = makeModelFile(golden.module(), config, weights);
        SacModelInfo info = valid;
        info.data = bytes.data();
        info.size = bytes.size();
        info.weightPrefix = prefix;
        Model model(context, info);
        EXPECT_STREQ(sacGetModelModule(model), "DeformableAttention2D");
        // Without the prefix named, "w." is one, as a name begins so.
        info.weightPrefix = nullptr;
        if (std::string(prefix) == "w.")
            Model named(context, info);
        else
            expectModelRefused(info, SAC_ERROR_INVALID_WEIGHTS, "w.to_q.weight");
        // The file may name it; what the caller names comes first.
        const std::vector<std::byte> naming = makeModelFile(golden.module(), config, weights, {{"prefix", prefix}});
        info.data = naming.data();
        info.size = naming.size();
        Model named(context, info);
        info.weightPrefix = "decoder.";
        expectModelRefused(info, SAC_ERROR_INVALID_WEIGHTS, "decoder.to_q.weight");
    }
}

TEST_F(ModelArguments, truncatedFilesAreMalformed) {
    uint64_t header = 0;
    std::memcpy(&header, golden.bytes.data(), sizeof(header));
    std::vector<std::size_t> lengths = {0, 1, 7, 8, 9, header + 7, header + 8, header + 9, golden.bytes.size() - 1};
    for (std::size_t length = 16; length < golden.bytes.size(); length += golden.bytes.size() / 40)
        lengths.push_back(length);
    for (const std::size_t length : lengths) {
        SCOPED_TRACE(length);
        // A copy of exactly this size, so that a read past the end is one of the address sanitizer's.
        std::vector<std::byte> bytes;
        bytes.reserve(std::max<std::size_t>(length, 1)); // not null
        bytes.assign(golden.bytes.begin(), golden.bytes.begin() + static_cast<std::ptrdiff_t>(length));
        expectBytesRefused(bytes, SAC_ERROR_MALFORMED_FILE, "");
    }
}

TEST_F(ModelArguments, malformedHeadersAreMalformed) {
    uint64_t length = 0;
    std::memcpy(&length, golden.bytes.data(), sizeof(length));
    const std::string header(reinterpret_cast<const char*>(golden.bytes.data()) + 8, length);
    // Replaces text of the header by text of the same length.
    const auto edited = [&](const std::string& from, const std::string& to) {
        const std::size_t at = header.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        std::vector<std::byte> bytes = golden.bytes;
        std::memcpy(bytes.data() + 8 + at, to.data(), to.size());
        return bytes;
    };
    expectBytesRefused(edited("{", "["), SAC_ERROR_MALFORMED_FILE, "");
    expectBytesRefused(edited("\"dtype\"", "\"ytped\""), SAC_ERROR_MALFORMED_FILE, "");
    std::vector<std::byte> huge = golden.bytes;
    std::memset(huge.data(), 0xff, 8);
    expectBytesRefused(huge, SAC_ERROR_MALFORMED_FILE, "");
}

TEST_F(ModelArguments, weightsAreChecked) {
    const nlohmann::json config = nlohmann::json::parse(golden.file.metadata.at("config"));
    const reference::Tensors weights = reference::withPrefix(golden.file.tensors, "w.");
    const double spoilt[] = {std::nan(""), HUGE_VAL, -HUGE_VAL};
    for (const auto& [name, tensor] : weights) {
        SCOPED_TRACE(name);
        reference::Tensors missing = weights;
        missing.erase(name);
        expectBytesRefused(makeModelFile(golden.module(), config, missing), SAC_ERROR_INVALID_WEIGHTS, name.c_str());

        reference::Tensors misshapen = weights;
        misshapen[name].shape.push_back(1);
        expectBytesRefused(makeModelFile(golden.module(), config, misshapen), SAC_ERROR_INVALID_WEIGHTS, name.c_str());

        reference::Tensors nonFinite = weights;
        nonFinite[name].data.back() = spoilt[name.size() % 3];
        expectBytesRefused(makeModelFile(golden.module(), config, nonFinite), SAC_ERROR_INVALID_WEIGHTS, name.c_str());
    }

    // Numbers of a type that weights do not come in, of the same size.
    std::vector<std::byte> integers = makeModelFile(golden.module(), config, weights);
    const std::string text(reinterpret_cast<const char*>(integers.data()), integers.size());
    const std::size_t tensor = text.find("\"to_out.bias\"");
    integers.at(text.find("F32", tensor)) = std::byte{'I'};
    expectBytesRefused(integers, SAC_ERROR_INVALID_WEIGHTS, "to_out.bias");
}

// A type that nothing here reads matters where it is read, and only there.
TEST_F(ModelArguments, unknownTypesAreRefusedWhereTheyAreUsed) {
    const auto withType = [&](const char* tensor) {
        std::vector<std::byte> bytes = golden.bytes;
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        bytes.at(text.find("F32", text.find(tensor)) + 2) = std::byte{'3'}; // no such type
        return bytes;
    };
    const std::vector<std::byte> weight = withType("\"w.to_out.bias\""), other = withType("\"out.y\"");
    expectBytesRefused(weight, SAC_ERROR_INVALID_WEIGHTS, "\"w.to_out.bias\" has type F33");
    const Model accepted(context, other);
}

TEST_F(ModelArguments, contextOutlivesItsModels) {
    SacModel model = nullptr;
    SacError error = unsetError();
    ASSERT_EQ(sacCreateModel(context, &valid, &model, &error), SAC_SUCCESS) << error.message;
    sacDestroyContext(context);
    EXPECT_EQ(context.errors(),
              std::vector<std::string>{"context still has 1 models, destroy them before it: nothing is destroyed"});
    EXPECT_STREQ(sacGetModelModule(model), "DeformableAttention2D") << "it is there";
    sacDestroyModel(model);
}

} // namespace
} // namespace saccade::test
