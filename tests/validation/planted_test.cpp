// Planted faults: that the validation layer is silent elsewhere means something only while it reports these.
#include <gtest/gtest.h>

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

// Two runs write one result, and the barrier between them is the caller's to record.
TEST_F(Planted, missingBarrier) {
    const GoldenCase golden(SACCADE_TEST_DATA "/golden/deformable_1d_2.safetensors");
    const Context context(device());
    const Model model(context, golden.bytes);
    PlanDescription description;
    golden.describe(description);
    const Plan plan(model, description);
    PlanBuffers buffers(device(), plan);
    buffers.write("x", golden.inputs.at("x"));
    const SacRunInfo run = buffers.runInfo();
    const auto record = [&](bool barrier) {
        submit([&](VkCommandBuffer commandBuffer) {
            recordUpload(plan, commandBuffer, buffers);
            for (int i = 0; i < 2; ++i) {
                if (i == 1 && barrier)
                    host::fullBarrier(commandBuffer);
                EXPECT_EQ(sacCmdRun(plan, commandBuffer, &run, nullptr), SAC_SUCCESS);
            }
        });
    };
    record(true);
    EXPECT_EQ(messages(), "");
    record(false);
    const std::string found = messages();
    EXPECT_NE(found.find("SYNC-HAZARD"), std::string::npos) << "not reported; what is: " << found;
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
        run(gemm(desc, capabilities()), {&a, &w, nullptr, nullptr, &out});
        const std::string found = messages();
        if (rows == desc.rows)
            EXPECT_EQ(found, "");
        else
            EXPECT_NE(found.find("out of bounds"), std::string::npos) << "not reported; what is: " << found;
    }
}

} // namespace
} // namespace saccade::test
