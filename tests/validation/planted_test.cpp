// SPDX-License-Identifier: Apache-2.0
// Planted faults: that the validation layer is silent elsewhere means something only while it reports these.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "kernels/gemm.hpp"
#include "support/golden.hpp"
#include "support/kernel_runner.hpp"

namespace saccade::test {
namespace {

std::string messages() {
    std::string all;
    for (const std::string& message : Gpu::get().instance().takeMessages())
        all += message + "\n";
    return all;
}

class Planted : public KernelTest {};

// A run reads what another has written, and the barrier between them is the caller's to record.
TEST_F(Planted, missingBarrier) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/grid_sample_0.safetensors");
    const Context context(device());
    const Model model(context, golden.bytes);
    sac::PlanBuilder description;
    golden.describe(description);
    const Plan plan(model, description);
    PlanBuffers first(device(), plan), second(device(), plan);
    for (PlanBuffers* buffers : {&first, &second})
        for (const auto& [name, tensor] : golden.inputs)
            buffers->write(name, tensor);
    second.share(SAC_MEMORY_PARAMETERS, first.range(SAC_MEMORY_PARAMETERS));
    second.binding("x").buffer = first.binding("y").buffer; // as large or larger

    for (const bool barrier : {true, false}) {
        submit([&](VkCommandBuffer commandBuffer) {
            recordUpload(plan, commandBuffer, first);
            for (const PlanBuffers* buffers : {&first, &second}) {
                const SacRunInfo run = buffers->runInfo();
                EXPECT_EQ(sacCmdRun(plan, commandBuffer, &run, nullptr), SAC_SUCCESS);
                if (barrier)
                    host::fullBarrier(commandBuffer);
            }
        });
        const std::string found = messages();
        if (barrier)
            EXPECT_EQ(found, "");
        else
            EXPECT_NE(found.find("SYNC-HAZARD-READ-AFTER-WRITE"), std::string::npos) << "what is reported: " << found;
    }
}

// A kernel that is told of more rows than the buffer holds reads behind its end.
TEST_F(Planted, readBehindTheEnd) {
    if (device().instance().validation() != host::Validation::gpuAssisted)
        GTEST_SKIP() << "only GPU-assisted validation sees accesses of shaders (SACCADE_VALIDATION=gpu)";
    GemmDesc desc;
    desc.rows = 16;
    desc.columns = 16;
    desc.depth = 16;
    for (const std::size_t rows : {16, 8}) {
        Operand a(rows * desc.depth, 1), w(gemmWeightElements(desc), 1), out(desc.rows * desc.columns, 0);
        run(gemm(desc, profile()), {&a, &w, nullptr, nullptr, &out});
        const std::string found = messages();
        if (rows == desc.rows)
            EXPECT_EQ(found, "");
        else
            EXPECT_NE(found.find("out of bounds"), std::string::npos) << "what is reported: " << found;
    }
}

} // namespace
} // namespace saccade::test
