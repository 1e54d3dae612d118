// SPDX-License-Identifier: Apache-2.0
// Files that ask for much: plans of deep networks are made in time proportional to their depth, and can be cancelled at
// any point; a header takes memory in proportion to its size. Without a device, so that the library alone is measured.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "refused.hpp"
#include "support/callbacks.hpp"
#include "support/gpu.hpp"
#include "support/headless.hpp"
#include "support/model_file.hpp"
#include "support/plan_buffers.hpp"

namespace saccade::test {
namespace {

constexpr double secondsPerTick = 1.0 / CLOCKS_PER_SEC;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double slowness = 10; // of a sanitizer's build
#else
constexpr double slowness = 1;
#endif

// A transformer of `depth` layers as small as they get.
std::vector<std::byte> deepTransformer(int depth) {
    constexpr int dim = 4, inner = 10; // of the feed forward layer: 4 * 2 / 3 * dim
    reference::Tensors weights;
    const auto add = [&](const std::string& name, const reference::Shape& shape, double value) {
        reference::Tensor tensor(shape);
        std::ranges::fill(tensor.data, value);
        weights[name] = std::move(tensor);
    };
    for (int i = 0; i < depth; ++i) {
        const std::string layer = "layers." + std::to_string(i) + ".";
        for (const char* norm : {"1.norm.", "1.context_norm."}) {
            add(layer + norm + "gamma", {dim}, 1);
            add(layer + norm + "beta", {dim}, 0);
        }
        add(layer + "1.q_scale", {dim}, 1);
        add(layer + "1.k_scale", {dim}, 1);
        add(layer + "1.to_q.weight", {dim, dim}, 0.1);
        add(layer + "1.to_kv.weight", {2 * dim, dim}, 0.1);
        add(layer + "1.to_out.weight", {dim, dim}, 0.1);
        add(layer + "3.0.weight", {dim}, 1);
        add(layer + "3.0.bias", {dim}, 0);
        add(layer + "3.1.weight", {2 * inner, dim}, 0.1);
        add(layer + "3.4.weight", {dim, inner}, 0.1);
    }
    add("norm_out.gamma", {dim}, 1);
    add("norm_out.beta", {dim}, 0);
    return makeModelFile("PhenakiTransformer", {{"dim", dim}, {"depth", depth}, {"dim_head", 4}, {"heads", 1}},
                         weights);
}

/// Counts the calls, stops at one of them, and notes the longest time between two.
struct Watch {
    uint32_t stopAt = ~0u;
    uint32_t calls = 0;
    std::clock_t last = std::clock(), longest = 0;

    static VkBool32 call(void* self, uint32_t done, uint32_t total) {
        Watch& watch = *static_cast<Watch*>(self);
        EXPECT_LE(done, total);
        const std::clock_t now = std::clock();
        watch.longest = std::max(watch.longest, now - watch.last);
        watch.last = now;
        return watch.calls++ != watch.stopAt;
    }
};

class LargePlans : public ::testing::Test {
protected:
    LargePlans() {
        SacContextInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
        info.apiVersion = SAC_VERSION;
        info.allocator = callbacks.get();
        info.profile = &profile;
        EXPECT_EQ(sacCreateContext(&info, &context, nullptr), SAC_SUCCESS);
        description.input("x", {1, 4, 4});
        description.info.progress = Watch::call;
    }
    ~LargePlans() override { sacDestroyContext(context); }

    SacResult createPlan(SacModel model, Watch& watch) {
        description.info.progressUserData = &watch;
        SacPlan plan = nullptr;
        SacError error = unsetError();
        const SacResult result = sacCreatePlan(model, &description.get(), &plan, &error);
        EXPECT_TRUE(result == SAC_SUCCESS || result == SAC_ERROR_CANCELLED) << error.message;
        EXPECT_EQ(plan != nullptr, result == SAC_SUCCESS);
        sacDestroyPlan(plan);
        return result;
    }

    const SacDeviceProfile profile = desktopProfile();
    Callbacks callbacks;
    SacContext context = nullptr;
    sac::PlanBuilder description;
};

TEST_F(LargePlans, takeTimeInProportionToDepth) {
    const std::vector<std::byte> file = deepTransformer(1024);
    const std::clock_t start = std::clock();
    const Model model(context, file);
    const std::clock_t made = std::clock();
    Watch watch;
    EXPECT_EQ(createPlan(model, watch), SAC_SUCCESS);
    const double planned = static_cast<double>(std::clock() - made) * secondsPerTick;
    RecordProperty("model", std::to_string(static_cast<double>(made - start) * secondsPerTick));
    RecordProperty("plan", std::to_string(planned));
    EXPECT_LT(planned, 1 * slowness);
    EXPECT_LT(static_cast<double>(watch.longest) * secondsPerTick, 0.1 * slowness) << "between two calls of progress";
}

TEST_F(LargePlans, areCancelledAtAnyPoint) {
    const std::vector<std::byte> file = deepTransformer(120);
    const Model model(context, file);
    Watch all;
    ASSERT_EQ(createPlan(model, all), SAC_SUCCESS);
    EXPECT_GT(all.calls, 100u);
    const std::size_t before = callbacks.live();
    for (uint32_t stopAt = 0; stopAt < all.calls; ++stopAt) {
        SCOPED_TRACE(stopAt);
        Watch watch;
        watch.stopAt = stopAt;
        EXPECT_EQ(createPlan(model, watch), SAC_ERROR_CANCELLED);
        EXPECT_EQ(watch.calls, stopAt + 1) << "nobody asks again";
        EXPECT_EQ(callbacks.live(), before);
    }
}

// ---- Headers

std::vector<std::byte> fileOfHeader(const std::string& header) {
    const uint64_t length = header.size();
    std::vector<std::byte> file(8 + header.size());
    std::memcpy(file.data(), &length, 8);
    std::memcpy(file.data() + 8, header.data(), header.size());
    return file;
}

// `head`, then items until there is a megabyte, each with '#' replaced by its number, then `tail`.
std::string filled(const std::string& head, const std::string& item, const std::string& tail) {
    std::string text = head;
    for (uint32_t i = 0; text.size() < 1'000'000; ++i) {
        text += i ? "," : "";
        for (const char c : item)
            text += c == '#' ? std::to_string(i) : std::string(1, c);
    }
    return text + tail;
}

TEST(Headers, takeMemoryInProportion) {
    struct Case {
        const char* what;
        std::string header;
        SacResult result; // INVALID_ARGUMENT: well-formed, but of no module
    };
    const std::string entry = R"("#":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    const Case cases[] = {
        {"numbers", filled("{\"a\":[", "0", "]}"), SAC_ERROR_MALFORMED_FILE},
        {"lists", filled("{\"a\":[", "[]", "]}"), SAC_ERROR_MALFORMED_FILE},
        {"members", filled("{", "\"#\":0", "}"), SAC_ERROR_MALFORMED_FILE},
        {"equal members", filled("{", "\"\":{}", "}"), SAC_ERROR_MALFORMED_FILE},
        {"empty entries", filled("{", "\"#\":{}", "}"), SAC_ERROR_MALFORMED_FILE},
        {"texts", filled("{\"__metadata__\":{", "\"\":\"\"", "}}"), SAC_ERROR_MALFORMED_FILE},
        {"long shapes", filled("{", R"("#":{"dtype":"U8","shape":[0,0,0,0,0,0,0,0],"data_offsets":[0,0]})", "}"),
         SAC_ERROR_INVALID_ARGUMENT},
        {"metadata", filled("{\"__metadata__\":{", "\"#\":\"\"", "}}"), SAC_ERROR_INVALID_ARGUMENT},
        {"a tensor short of data", filled("{", entry, R"(,"z":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})"),
         SAC_ERROR_MALFORMED_FILE},
        {"tensors", filled("{", entry, "}"), SAC_ERROR_INVALID_ARGUMENT},
    };
    const SacDeviceProfile profile = desktopProfile();
    for (const Case& each : cases) {
        SCOPED_TRACE(each.what);
        Callbacks callbacks;
        SacContextInfo info{};
        info.sType = SAC_STRUCTURE_TYPE_CONTEXT_INFO;
        info.apiVersion = SAC_VERSION;
        info.allocator = callbacks.get();
        info.profile = &profile;
        SacContext context = nullptr;
        ASSERT_EQ(sacCreateContext(&info, &context, nullptr), SAC_SUCCESS);
        const std::vector<std::byte> file = fileOfHeader(each.header);
        SacModelInfo modelInfo{};
        modelInfo.sType = SAC_STRUCTURE_TYPE_MODEL_INFO;
        modelInfo.data = file.data();
        modelInfo.size = file.size();
        SacModel model = nullptr;
        SacError error = unsetError();
        EXPECT_EQ(sacCreateModel(context, &modelInfo, &model, &error), each.result) << error.message;
        EXPECT_LT(callbacks.peakBytes(), 16 * file.size() + (64u << 10))
            << static_cast<double>(callbacks.peakBytes()) / static_cast<double>(file.size()) << " times the file";
        RecordProperty(std::string(each.what),
                       std::to_string(static_cast<double>(callbacks.peakBytes()) / static_cast<double>(file.size())));
        sacDestroyContext(context);
    }
}

} // namespace
} // namespace saccade::test
