// SPDX-License-Identifier: Apache-2.0
#include "spirv/planned_dispatches.hpp"

#include <filesystem>
#include <set>
#include <string>

#include "api/objects.hpp"
#include "support/golden.hpp"
#include "support/headless.hpp"
#include "support/network.hpp"

namespace saccade::test {

namespace {

class Collector {
public:
    Collector() {
        for (const char* folder : {"golden", "onnx", "cases", "sparse", "inside"})
            forEachFile(folder, [&](const std::filesystem::path& path) {
                const GoldenCase golden(path);
                const auto args = golden.file.metadata.find("args");
                add(golden.bytes, [&](sac::PlanBuilder& description) {
                    golden.describe(description);
                    if (args != golden.file.metadata.end())
                        description.info.options = args->second.c_str();
                });
            });
        forEachFile("networks", [&](const std::filesystem::path& path) {
            const NetworkFile network(path);
            add(network.bytes, [&](sac::PlanBuilder& description) {
                describeNetwork(description, network.config, network.runs[0].inputs);
            });
        });
    }

    std::set<PlannedDispatch> dispatches;

private:
    template <class Visit>
    static void forEachFile(const std::string& folder, const Visit& visit) {
        for (const auto& file : std::filesystem::directory_iterator(SACCADE_TEST_DATA "/" + folder))
            if (file.path().extension() == ".safetensors")
                visit(file.path());
    }

    template <class Describe>
    void add(std::span<const std::byte> bytes, const Describe& describe) {
        SacDeviceProfile gpu = desktopProfile(), cpu = desktopProfile();
        cpu.kind = SAC_DEVICE_KIND_CPU;
        cpu.subgroupSize = 8;
        for (const SacDeviceProfile& profile : {gpu, cpu})
            for (const SacPrecision precision : {SAC_PRECISION_FLOAT32, SAC_PRECISION_FLOAT16})
                try {
                    const Context context(profile);
                    sac::PlanBuilder description;
                    describe(description);
                    description.info.precision = precision;
                    description.positionBias(SAC_POSITION_BIAS_MODE_EXACT);
                    const Model model(context, bytes);
                    take(Plan(model, description));
                } catch (const sac::Exception&) {
                    // Forms of calls that are refused, and modules that have no half precision.
                }
    }

    void take(const Plan& plan) {
        for (const DispatchList* list : {&plan.get()->upload, &plan.get()->run})
            for (const PlacedDispatch& placed : list->dispatches()) {
                const PipelineKey& key = placed.pipeline;
                PlannedDispatch dispatch{
                    key.shader, {key.constants.begin(), key.constants.end()}, {key.kinds.begin(), key.kinds.end()}, {}};
                for (const Binding& binding : placed.bindings)
                    dispatch.accesses.push_back(binding.access);
                dispatches.insert(std::move(dispatch));
            }
    }
};

} // namespace

const std::vector<PlannedDispatch>& plannedDispatches() {
    static const std::vector<PlannedDispatch> all = [] {
        const Collector collector;
        return std::vector<PlannedDispatch>(collector.dispatches.begin(), collector.dispatches.end());
    }();
    return all;
}

} // namespace saccade::test
