// SPDX-License-Identifier: Apache-2.0
// What the bench writes of the CPU's work: which rows there are, and what their numbers owe each other.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <fstream>
#include <set>

#include "support/program.hpp"

namespace saccade::test {
namespace {

nlohmann::json bench(std::vector<std::string> arguments) {
    const ScratchFolder scratch;
    arguments.insert(arguments.begin(), "bench");
    arguments.insert(arguments.end(), {"--json", scratch.file("bench.json")});
    const ProgramResult result = runSaccade(arguments);
    EXPECT_EQ(result.exitCode, 0) << result.err;
    return nlohmann::json::parse(std::ifstream(scratch.file("bench.json")), nullptr, false);
}

double number(const nlohmann::json& row, const char* key) { return row.at(key).get<double>(); }

TEST(Bench, RecordMeasuresEachWayToBindOnOneThreadAndOnSeveral) {
    const nlohmann::json report = bench({"--record", "--case", "1d", "--threads", "3", "--repeats", "200"});
    ASSERT_TRUE(report.contains("record"));
    EXPECT_FALSE(report.contains("examples")); // --case is what to record
    std::set<std::pair<std::string, int>> ways;
    for (const nlohmann::json& row : report["record"]) {
        SCOPED_TRACE(row.dump(2));
        ways.emplace(row.at("descriptors"), row.at("threads"));
        EXPECT_EQ(row.at("case"), "1d");
        EXPECT_EQ(row.at("module"), "DeformableAttention1D");
        EXPECT_EQ(row.at("records"), 200);
        EXPECT_GT(row.at("dispatches").get<int>(), 1);
        EXPECT_LT(row.at("barriers").get<int>(), row.at("dispatches").get<int>()); // they stand between dispatches
        EXPECT_GT(number(row, "library_median_us"), 0);
        EXPECT_GE(number(row, "p95_us"), number(row, "median_us"));
        EXPECT_GE(number(row, "library_p95_us"), number(row, "library_median_us"));
        EXPECT_NEAR(number(row, "median_us_per_dispatch") * number(row, "dispatches"), number(row, "median_us"), 1e-6);
        EXPECT_NEAR((1 - number(row, "driver_share")) * number(row, "median_us"), number(row, "library_median_us"),
                    1e-6);
        if (row.at("threads") == 1) { // a driver does something, or commands were not recorded
            EXPECT_LT(number(row, "library_median_us"), number(row, "median_us"));
        }
    }
    EXPECT_TRUE(ways.contains({"pool", 1}) && ways.contains({"pool", 3}));
    EXPECT_EQ(ways.contains({"push", 1}), ways.contains({"push", 3}));
    EXPECT_EQ(ways.size(), report["record"].size());
}

TEST(Bench, StartMeasuresAnEmptyAndASavedCacheOnOneThreadAndOnSeveral) {
    const nlohmann::json report = bench({"--start", "--case", "1d", "--threads", "2", "--repeats", "1"});
    ASSERT_TRUE(report.contains("start"));
    EXPECT_FALSE(report.contains("examples")); // --case is what to create
    ASSERT_EQ(report["start"].size(), 2u);
    EXPECT_EQ(report["start"][0].at("case"), "1d");
    EXPECT_EQ(report["start"][0].at("threads"), 1);
    EXPECT_EQ(report["start"][1].at("case"), "together");
    EXPECT_EQ(report["start"][1].at("threads"), 2);
    for (const nlohmann::json& row : report["start"]) {
        SCOPED_TRACE(row.dump(2));
        EXPECT_EQ(row.at("plans"), 1);
        EXPECT_EQ(row.at("repeats"), 1);
        EXPECT_EQ(row.at("pipelines"), report["start"][0].at("pipelines")); // threads change nothing of the plan
        EXPECT_GT(row.at("pipelines").get<int>(), 1);
        EXPECT_GT(number(row, "graphs_ms"), 0);
        EXPECT_LT(number(row, "graphs_ms"), number(row, "empty_cache_ms"));
        EXPECT_GT(number(row, "saved_cache_ms"), 0);
        EXPECT_NEAR(number(row, "saved_over_empty") * number(row, "empty_cache_ms"), number(row, "saved_cache_ms"),
                    1e-6);
        EXPECT_GE(row.at("cache_bytes").get<uint64_t>(), 32u); // VkPipelineCacheHeaderVersionOne
    }
}

} // namespace
} // namespace saccade::test
