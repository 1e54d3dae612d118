// SPDX-License-Identifier: Apache-2.0
// What a plan says its memory is made of, judged by what sacGetPlanMemory says and by the shapes of the layer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/memory_parts.hpp"
#include "support/golden.hpp"

namespace saccade::test {
namespace {

// The largest minStorageBufferOffsetAlignment there is, to which packed weights are aligned on every device.
constexpr VkDeviceSize largestAlignment = 256;

VkDeviceSize elementSize(SacDataType type) {
    static const std::map<SacDataType, VkDeviceSize> sizes = {{SAC_DATA_TYPE_FLOAT32, 4}, {SAC_DATA_TYPE_FLOAT16, 2},
                                                              {SAC_DATA_TYPE_INT32, 4},   {SAC_DATA_TYPE_INT64, 8},
                                                              {SAC_DATA_TYPE_UINT8, 1},   {SAC_DATA_TYPE_BOOL, 1}};
    return sizes.at(type);
}

bool shareBytes(const SacMemoryPart& a, const SacMemoryPart& b) {
    return a.kind == b.kind && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

class MemoryParts : public GpuTest {
protected:
    // One description of each kind of memory there is: tables, state, values, many stages, half precision.
    struct Case {
        const char* file;
        void (*change)(sac::PlanBuilder&);
    };
    static constexpr Case cases[] = {
        {"deformable_1d_2", [](sac::PlanBuilder&) {}},
        {"deformable_2d_1", [](sac::PlanBuilder& d) { d.info.precision = SAC_PRECISION_FLOAT16_IF_SUPPORTED; }},
        {"deformable_2d_2", [](sac::PlanBuilder& d) { d.positionBias(SAC_POSITION_BIAS_MODE_EXACT); }},
        {"dalle_attention_4",
         [](sac::PlanBuilder& d) {
             d.input("offset", {1}, SAC_DATA_TYPE_INT32);
             d.info.options = "{\"cache\": true}";
         }},
        {"phenaki_transformer_1", [](sac::PlanBuilder&) {}},
        {"grid_sample_0", [](sac::PlanBuilder&) {}},
    };

    // Calls `check` with a plan of each case, aliased or not.
    template <class Check>
    void forEachPlan(SacPlanFlags flags, const Check& check) {
        for (const Case& each : cases) {
            SCOPED_TRACE(each.file);
            const GoldenCase golden(std::string(SACCADE_TEST_DATA "/golden/") + each.file + ".safetensors");
            const Model model(context, golden.bytes);
            sac::PlanBuilder description;
            golden.describe(description);
            each.change(description);
            description.info.flags = flags;
            check(Plan(model, description));
        }
    }

    Context context{device()};
};

TEST_F(MemoryParts, lieWithinWhatThePlanNeeds) {
    forEachPlan(0, [](const Plan& plan) {
        std::set<std::pair<int, std::string>> names;
        int kind = 0;
        const auto stageCount = static_cast<uint32_t>(plan.stages().size());
        for (const SacMemoryPart& part : plan.memoryParts()) {
            SCOPED_TRACE(part.name);
            EXPECT_TRUE(names.insert({part.kind, part.name}).second) << "named twice";
            EXPECT_GE(part.kind, kind) << "kinds in order";
            kind = part.kind;
            ASSERT_LT(part.kind, SAC_MEMORY_STAGING);
            VkDeviceSize bytes = elementSize(part.dataType);
            for (uint32_t axis = 0; axis < part.rank; ++axis)
                bytes *= part.shape[axis];
            EXPECT_GT(bytes, 0u);
            EXPECT_EQ(part.size, (bytes + 3) / 4 * 4);
            const SacMemoryRequirements memory = plan.memory(part.kind);
            EXPECT_EQ(part.offset % memory.alignment, 0u);
            EXPECT_LE(part.offset + part.size, memory.size);
            EXPECT_LE(part.firstStage, part.lastStage);
            EXPECT_LT(part.lastStage, stageCount);
            EXPECT_TRUE(part.kind == SAC_MEMORY_WORKSPACE ||
                        (part.firstStage == 0 && part.lastStage == stageCount - 1));
        }
    });
}

TEST_F(MemoryParts, neverOverlapWhileTheyLive) {
    bool anyShared = false;
    forEachPlan(0, [&](const Plan& plan) {
        const std::vector<SacStageInfo> stages = plan.stages();
        const std::vector<SacMemoryPart> parts = plan.memoryParts();
        for (const SacMemoryPart& a : parts)
            for (const SacMemoryPart& b : parts) {
                if (&a == &b || !shareBytes(a, b) || a.firstStage > b.firstStage)
                    continue;
                anyShared = true;
                const bool follows = a.lastStage < b.firstStage ||
                                     (a.lastStage == b.firstStage && stages[a.lastStage].dispatchCount > 1);
                EXPECT_TRUE(follows) << a.name << " and " << b.name;
            }
    });
    EXPECT_TRUE(anyShared) << "else the check above has nothing to look at";
    forEachPlan(SAC_PLAN_NO_ALIASING_BIT, [](const Plan& plan) {
        const std::vector<SacMemoryPart> parts = plan.memoryParts();
        for (const SacMemoryPart& a : parts)
            for (const SacMemoryPart& b : parts)
                EXPECT_TRUE(&a == &b || !shareBytes(a, b)) << a.name << " and " << b.name;
    });
}

// Every byte belongs to a part or to the alignment of the next one.
TEST_F(MemoryParts, coverTheirMemory) {
    for (const SacPlanFlags flags :
         {SacPlanFlags(0), SacPlanFlags(SAC_PLAN_NO_ALIASING_BIT | SAC_PLAN_CONDITIONAL_BIT)})
        forEachPlan(flags, [](const Plan& plan) {
            VkDeviceSize end[SAC_MEMORY_KIND_COUNT] = {};
            std::vector<SacMemoryPart> parts = plan.memoryParts();
            std::ranges::sort(parts, {}, &SacMemoryPart::offset);
            for (const SacMemoryPart& part : parts) {
                EXPECT_LT(part.offset, end[part.kind] + largestAlignment) << "before " << part.name;
                end[part.kind] = std::max(end[part.kind], part.offset + part.size);
            }
            for (int kind = 0; kind < SAC_MEMORY_STAGING; ++kind)
                EXPECT_LT(plan.memory(static_cast<SacMemoryKind>(kind)).size - end[kind], largestAlignment) << kind;
        });
}

TEST_F(MemoryParts, areNamedAndShapedAsTheLayerHasThem) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors");
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    description.input("x", {3, 64, 37}).output("y");
    const Plan plan(model, description);
    const std::vector<SacMemoryPart> parts = plan.memoryParts();
    const auto find = [&](SacMemoryKind kind, const char* name) {
        const auto found = std::ranges::find_if(
            parts, [&](const SacMemoryPart& p) { return p.kind == kind && !std::strcmp(p.name, name); });
        EXPECT_NE(found, parts.end()) << name;
        return found == parts.end() ? SacMemoryPart{} : *found;
    };
    EXPECT_EQ(find(SAC_MEMORY_WEIGHTS, "to_out.bias").size, 64u * 4);
    EXPECT_EQ(find(SAC_MEMORY_WEIGHTS, "to_q.weight").size, 64u * 64 * 4);
    EXPECT_EQ(find(SAC_MEMORY_TABLES, "position bias table").offset, 0u);
    const std::vector<SacStageInfo> stages = plan.stages();
    const SacMemoryPart q = find(SAC_MEMORY_WORKSPACE, "q");
    ASSERT_EQ(q.rank, 3u);
    EXPECT_EQ(q.shape[0], 3u);
    EXPECT_EQ(q.shape[1], 37u);
    EXPECT_EQ(q.shape[2], 64u);
    EXPECT_STREQ(stages.at(q.firstStage).name, "to_q");
    EXPECT_STREQ(stages.at(q.lastStage).name, "attention");
    const SacMemoryPart keys = find(SAC_MEMORY_WORKSPACE, "k");
    EXPECT_EQ(keys.size, 3u * 9 * 64 * 4); // nine keys, as in vgrid
    EXPECT_STREQ(stages.at(keys.firstStage).name, "to_k");
}

// Two layers have the same names; each part is found by one of its own.
TEST_F(MemoryParts, repeatedNamesAreNumbered) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/phenaki_transformer_1.safetensors");
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plan(model, description);
    std::set<std::string> names;
    for (const SacMemoryPart& part : plan.memoryParts())
        if (part.kind == SAC_MEMORY_WORKSPACE)
            names.insert(part.name);
    std::size_t numbered = 0;
    for (const std::string& name : names)
        if (const auto mark = name.rfind('#'); mark != std::string::npos) {
            ++numbered;
            const std::string base = name.substr(0, mark);
            const int n = std::stoi(name.substr(mark + 1));
            EXPECT_GE(n, 2);
            EXPECT_TRUE(names.contains(n == 2 ? base : base + "#" + std::to_string(n - 1))) << name;
        }
    EXPECT_GT(numbered, 0u);
}

std::vector<std::string> uniqueNames(const std::vector<std::string>& names) {
    UniqueNames unique(std::pmr::new_delete_resource());
    std::vector<std::string> out;
    for (const std::string& name : names)
        out.emplace_back(unique.take(name));
    return out;
}

TEST(UniqueNames, passOverNumbersThatAreTaken) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(uniqueNames({"q", "q", "k", "q"}), (Names{"q", "q#2", "k", "q#3"}));
    EXPECT_EQ(uniqueNames({"q#2", "q", "q", "q"}), (Names{"q#2", "q", "q#3", "q#4"}));
    EXPECT_EQ(uniqueNames({"q", "q", "q#2", "q#2", "q"}), (Names{"q", "q#2", "q#2#2", "q#2#3", "q#3"}));
    EXPECT_EQ(uniqueNames({"", "", "#2", ""}), (Names{"", "#2", "#2#2", "#3"}));
}

TEST(UniqueNames, costLittleEach) {
    const std::clock_t start = std::clock();
    std::vector<std::string> names(100'000, "x"); // pairwise comparison would take minutes
    for (std::size_t i = 0; i < names.size(); i += 2)
        names[i] += "#" + std::to_string(i);
    const std::vector<std::string> unique = uniqueNames(names);
    EXPECT_EQ(std::set<std::string>(unique.begin(), unique.end()).size(), names.size());
    EXPECT_LT(std::clock() - start, 10 * CLOCKS_PER_SEC);
}

} // namespace
} // namespace saccade::test
