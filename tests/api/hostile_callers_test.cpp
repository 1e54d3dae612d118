// SPDX-License-Identifier: Apache-2.0
// What callers get wrong in ways that a structure's members do not show: callbacks that throw, counts without arrays,
// texts that are none, host data of another size. Without a device: the boundary is the same.
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "api/run_bindings.hpp"
#include "base/text.hpp"
#include "refused.hpp"
#include "support/callbacks.hpp"
#include "support/golden.hpp"
#include "support/headless.hpp"

namespace saccade::test {
namespace {

class HostileCallers : public ::testing::Test {
protected:
    SacContextInfo contextInfo() const {
        SacContextInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
        info.apiVersion = SAC_VERSION;
        info.profile = &profile;
        return info;
    }
    SacModelInfo modelInfo() const {
        SacModelInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
        info.data = golden.bytes.data();
        info.size = golden.bytes.size();
        return info;
    }

    const SacDeviceProfile profile = desktopProfile();
    const GoldenCase golden{SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors"};
};

/// A plan of the golden file that has to be refused, with a message that is UTF-8.
class HostilePlans : public HostileCallers {
protected:
    HostilePlans() { description.input("x", {3, 64, 37}); }

    void expectPlanRefused(SacResult result, const char* named) {
        SacPlan plan = nullptr;
        SacError error = unsetError();
        expectRefused(sacCreatePlan(model, &description.get(), &plan, &error), error, result, named);
        const std::string_view message(error.message);
        EXPECT_EQ(findInvalidUtf8(message), message.size()) << message;
    }

    Context context{profile};
    Model model{context, golden.bytes};
    sac::PlanBuilder description;
};

TEST_F(HostileCallers, logsThatThrowChangeNothing) {
    SacContextInfo info = contextInfo();
    uint32_t calls = 0;
    info.logUserData = &calls;
    info.log = [](void* count, SacLogSeverity, const char*) {
        ++*static_cast<uint32_t*>(count);
        throw std::runtime_error("from a log callback");
    };
    SacContext context = nullptr;
    ASSERT_EQ(sacCreateContext(&info, &context, nullptr), SAC_SUCCESS);
    SacModelInfo wrong = modelInfo();
    wrong.module = "nothing";
    SacModel model = nullptr;
    SacError error = unsetError();
    expectRefused(sacCreateModel(context, &wrong, &model, &error), error, SAC_ERROR_INVALID_CONFIG, "nothing");
    EXPECT_EQ(calls, 1u);
    {
        const Model right(context, modelInfo());
        sac::PlanBuilder description;
        description.input("x", {3, 64, 37});
        const Plan plan(right, description); // logs its table's size
    }
    EXPECT_EQ(calls, 2u);
    sacDestroyContext(context);
}

TEST_F(HostilePlans, progressThatThrowsCancels) {
    for (uint32_t at = 0; at < 5; ++at) {
        uint32_t left = at;
        description.info.progressUserData = &left;
        description.info.progress = [](void* data, uint32_t, uint32_t) -> VkBool32 {
            if ((*static_cast<uint32_t*>(data))-- == 0)
                throw 5;
            return VK_TRUE;
        };
        expectPlanRefused(SAC_ERROR_CANCELLED, "the progress callback threw");
    }
}

// The n-th allocation throws, or has an address that is not aligned; for every n.
TEST_F(HostileCallers, allocatorsThatThrowOrMisalignAreOutOfMemory) {
    struct State {
        Callbacks callbacks;
        std::size_t at = 0, count = 0;
        bool misalign = false, wrong = false;
        std::byte place[256];
    };
    for (const bool misalign : {false, true}) {
        State state;
        state.misalign = misalign;
        VkAllocationCallbacks functions = *state.callbacks.get();
        functions.pUserData = &state;
        functions.pfnAllocation = [](void* self, std::size_t bytes, std::size_t alignment,
                                     VkSystemAllocationScope scope) -> void* {
            State& s = *static_cast<State*>(self);
            if (s.count++ != s.at)
                return s.callbacks.get()->pfnAllocation(&s.callbacks, bytes, alignment, scope);
            s.wrong = !s.misalign || alignment > 1;
            if (!s.wrong)
                return s.callbacks.get()->pfnAllocation(&s.callbacks, bytes, alignment, scope);
            if (!s.misalign)
                throw std::runtime_error("from an allocator");
            std::byte* aligned = s.place;
            while (reinterpret_cast<std::uintptr_t>(aligned) % alignment)
                ++aligned;
            return aligned + alignment / 2;
        };
        functions.pfnReallocation = [](void*, void*, std::size_t, std::size_t, VkSystemAllocationScope) -> void* {
            return nullptr;
        };
        functions.pfnFree = [](void* self, void* memory) {
            State& s = *static_cast<State*>(self);
            if (memory < s.place || memory >= s.place + sizeof(s.place))
                s.callbacks.get()->pfnFree(&s.callbacks, memory);
        };
        sac::PlanBuilder description;
        description.input("x", {3, 64, 37});
        description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
        for (;; ++state.at) {
            ASSERT_LT(state.at, 10000u);
            state.count = 0;
            state.wrong = false;
            SacContextInfo info = contextInfo();
            info.allocator = &functions;
            const SacModelInfo ofModel = modelInfo();
            SacContext context = nullptr;
            SacModel model = nullptr;
            SacPlan plan = nullptr;
            SacResult result = sacCreateContext(&info, &context, nullptr);
            if (result == SAC_SUCCESS)
                result = sacCreateModel(context, &ofModel, &model, nullptr);
            if (result == SAC_SUCCESS)
                result = sacCreatePlan(model, &description.get(), &plan, nullptr);
            EXPECT_EQ(result, state.wrong ? SAC_ERROR_OUT_OF_HOST_MEMORY : SAC_SUCCESS) << "allocation " << state.at;
            sacDestroyPlan(plan);
            sacDestroyModel(model);
            sacDestroyContext(context);
            ASSERT_EQ(state.callbacks.live(), 0u) << "allocation " << state.at;
            if (state.count <= state.at)
                break;
        }
        EXPECT_GT(state.at, 50u);
    }
}

// The arrays are of one element, so that a read beyond it is one of the address sanitizer's.
TEST_F(HostilePlans, countsAreCheckedBeforeArrays) {
    const std::vector<SacTensorDesc> one(1, description.inputs[0]);
    SacPlanInfo info = description.get();
    info.inputs = one.data();
    SacPlan plan = nullptr;
    for (const uint32_t count : {SAC_MAX_BOUND + 1, 0xffffffffu}) {
        SacError error = unsetError();
        info.inputCount = count;
        expectRefused(sacCreatePlan(model, &info, &plan, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                      "info->inputCount is");
        info.inputCount = 1;
        info.outputCount = count;
        info.outputs = one.data();
        expectRefused(sacCreatePlan(model, &info, &plan, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                      "info->outputCount is");
        info.outputCount = 0;
    }
    SacVariableLayoutInfo layout{};
    layout.sType = SAC_STRUCTURE_TYPE_VARIABLE_LAYOUT_INFO;
    layout.heads = 1;
    layout.blocks = 2;
    const std::vector<uint32_t> number(1, 1);
    uint8_t seen[4];
    layout.localWindowBlocks = layout.globalBlockIndices = number.data();
    SacError error = unsetError();
    layout.localWindowCount = 0xffffffff;
    expectRefused(sacBuildVariableLayout(&layout, sizeof(seen), seen, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "info->localWindowCount is");
    layout.localWindowCount = 1;
    layout.globalBlockCount = 0xffffffff;
    expectRefused(sacBuildVariableLayout(&layout, sizeof(seen), seen, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "info->globalBlockCount is");
}

TEST(Bindable, isWhatARunCanBind) {
    std::vector<PlanTensor> tensors(SAC_MAX_BOUND / 4);
    for (PlanTensor& tensor : tensors)
        tensor.imageCount = 4;
    PlanTensor host;
    host.host = true;
    tensors.push_back(host);
    EXPECT_NO_THROW(requireBindable(tensors));
    tensors.push_back(PlanTensor());
    try {
        requireBindable(tensors);
        FAIL() << "one buffer too many";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), SAC_ERROR_UNSUPPORTED);
        EXPECT_STREQ(error.what(), "the plan binds 49 buffers and images, a run at most SAC_MAX_BOUND = 48");
    }
}

TEST_F(HostileCallers, hostDataHasASize) {
    const GoldenCase levels{SACCADE_TEST_DATA "/golden/msdeform_0.safetensors"};
    const Context context(profile);
    const Model model(context, levels.bytes);
    const auto refusedWith = [&](const std::function<void(SacTensorDesc&)>& change, const char* named) {
        sac::PlanBuilder description;
        levels.describe(description);
        uint32_t changed = 0;
        for (SacTensorDesc& input : description.inputs)
            if (std::string_view(input.name) == "spatial_shapes") {
                change(input);
                ++changed;
            }
        EXPECT_EQ(changed, 1u);
        SacPlan plan = nullptr;
        SacError error = unsetError();
        expectRefused(sacCreatePlan(model, &description.get(), &plan, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                      named);
    };
    refusedWith([](SacTensorDesc& d) { d.hostDataSize = 0; }, "hostDataSize is 0");
    refusedWith([](SacTensorDesc& d) { d.hostDataSize = 2; }, "hostDataSize is 2, shape and type");
    refusedWith([](SacTensorDesc& d) { d.hostDataSize = d.shape[0] * d.shape[1] * 4 - 1; }, "hostDataSize is");
    refusedWith([](SacTensorDesc& d) { d.hostData = nullptr; }, "hostData is null, but hostDataSize is");
    sac::PlanBuilder description;
    levels.describe(description);
    for (SacTensorDesc& input : description.inputs)
        if (std::string_view(input.name) == "spatial_shapes")
            input.hostDataSize = input.shape[0] * input.shape[1] * 4; // exactly what is needed
    const Plan plan(model, description);
}

TEST_F(HostilePlans, textsAreUtf8) {
    constexpr const char* bad = "a\xff\xc3(b";
    for (const auto& [member, named] : {std::pair(&SacModelInfo::module, "info->module"),
                                        std::pair(&SacModelInfo::weightPrefix, "info->weightPrefix"),
                                        std::pair(&SacModelInfo::config, "info->config")}) {
        SacModelInfo info = modelInfo();
        info.*member = bad;
        SacModel other = nullptr;
        SacError error = unsetError();
        const SacResult result = sacCreateModel(context, &info, &other, &error);
        expectRefused(result, error,
                      member == &SacModelInfo::config ? SAC_ERROR_INVALID_CONFIG : SAC_ERROR_INVALID_ARGUMENT, named);
        const std::string_view message(error.message);
        EXPECT_EQ(findInvalidUtf8(message), message.size()) << message;
    }
    description.info.name = bad;
    expectPlanRefused(SAC_ERROR_INVALID_ARGUMENT, "info->name \"a?\?(b\" is not UTF-8");
    description.info.name = nullptr;
    description.info.options = bad;
    expectPlanRefused(SAC_ERROR_INVALID_CONFIG, "info->options");
    description.info.options = nullptr;
    description.output(bad);
    expectPlanRefused(SAC_ERROR_INVALID_ARGUMENT, "info->outputs[0].name \"a?\?(b\" is not UTF-8");
    description.outputs.clear();
    description.inputs[0].name = bad;
    expectPlanRefused(SAC_ERROR_INVALID_ARGUMENT, "info->inputs[0].name");
    const std::string cut(95, 'x'), character = cut + "\xe2\x82\xac\xe2\x82\xac"; // is clipped inside the first one
    description.inputs[0].name = character.c_str();
    expectPlanRefused(SAC_ERROR_INVALID_ARGUMENT, cut.c_str());
}

TEST_F(HostileCallers, headersHaveALimit) {
    const Context context(profile);
    SacModelInfo info = modelInfo();
    SacModel model = nullptr;
    SacError error = unsetError();
    info.headerLimit = 100;
    expectRefused(sacCreateModel(context, &info, &model, &error), error, SAC_ERROR_MALFORMED_FILE, "limit of 100");
    info.headerLimit = 100'000'001;
    expectRefused(sacCreateModel(context, &info, &model, &error), error, SAC_ERROR_INVALID_ARGUMENT,
                  "info->headerLimit is 100000001");
    info.headerLimit = 100'000'000;
    const Model other(context, info);
}

} // namespace
} // namespace saccade::test
