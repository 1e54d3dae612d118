// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include <nlohmann/json.hpp>

namespace saccade::gpu {

namespace {

// Every line is written at once: processes may share the file, and a crash keeps what came before.
void write(const nlohmann::ordered_json& line) {
    static FILE* const file = [] {
        const char* path = std::getenv("SACCADE_GPU_REPORT");
        FILE* opened = path && *path ? std::fopen(path, "a") : nullptr;
        return opened ? opened : stderr;
    }();
    const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
}

nlohmann::ordered_json valueOf(const VkPipelineExecutableStatisticKHR& statistic) {
    switch (statistic.format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return statistic.value.b32 != VK_FALSE;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        return statistic.value.i64;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        return statistic.value.u64;
    default:
        return statistic.value.f64;
    }
}

// The two calls of Vulkan: how many, then the structures.
template <class Structure, class Call>
std::vector<Structure> list(VkStructureType type, const Call& call) {
    uint32_t count = 0;
    if (call(&count, nullptr) != VK_SUCCESS)
        return {};
    Structure empty{};
    empty.sType = type;
    std::vector<Structure> result(count, empty);
    if (count && call(&count, result.data()) < 0)
        count = 0;
    result.resize(count);
    return result;
}

nlohmann::ordered_json statisticsOf(const DeviceState& device, const VkPipelineExecutableInfoKHR& info) {
    nlohmann::ordered_json result = nlohmann::ordered_json::object();
    for (const auto& statistic : list<VkPipelineExecutableStatisticKHR>(
             VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR,
             [&](uint32_t*count, VkPipelineExecutableStatisticKHR*data) {
                 return device.next.GetPipelineExecutableStatisticsKHR(device.handle, &info, count, data);
             }))
        result[statistic.name] = valueOf(statistic);
    return result;
}

nlohmann::ordered_json representationsOf(const DeviceState& device, const VkPipelineExecutableInfoKHR& info,
                                         uint32_t number) {
    nlohmann::ordered_json result = nlohmann::ordered_json::array();
    auto texts = list<VkPipelineExecutableInternalRepresentationKHR>(
        VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR,
        [&](uint32_t* count, VkPipelineExecutableInternalRepresentationKHR* data) {
            return device.next.GetPipelineExecutableInternalRepresentationsKHR(device.handle, &info, count, data);
        });
    std::vector<std::vector<char>> contents;
    for (auto& text : texts) {
        contents.emplace_back(text.dataSize + 1);
        text.pData = contents.back().data();
    }
    auto count = static_cast<uint32_t>(texts.size());
    if (!count || device.next.GetPipelineExecutableInternalRepresentationsKHR(device.handle, &info, &count,
                                                                              texts.data()) != VK_SUCCESS)
        return result;
    for (uint32_t i = 0; i < count; ++i) {
        if (!texts[i].isText)
            continue;
        const std::string file = std::string(std::getenv("SACCADE_GPU_ASSEMBLY")) + "/" + std::to_string(number) + "-" +
                                 std::to_string(info.executableIndex) + "-" + std::to_string(i) + ".txt";
        std::ofstream(file) << contents[i].data() << '\n';
        result.push_back({{"name", texts[i].name}, {"file", file}});
    }
    return result;
}

nlohmann::ordered_json executablesOf(const DeviceState& device, VkPipeline pipeline, uint32_t number) {
    nlohmann::ordered_json result = nlohmann::ordered_json::array();
    VkPipelineInfoKHR of{};
    of.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR;
    of.pipeline = pipeline;
    VkPipelineExecutableInfoKHR info{};
    info.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR;
    info.pipeline = pipeline;
    for (const auto& executable : list<VkPipelineExecutablePropertiesKHR>(
             VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR,
             [&](uint32_t*count, VkPipelineExecutablePropertiesKHR*data) {
                 return device.next.GetPipelineExecutablePropertiesKHR(device.handle, &of, count, data);
             })) {
        nlohmann::ordered_json one{{"name", executable.name},
                                   {"subgroup", executable.subgroupSize},
                                   {"statistics", statisticsOf(device, info)}};
        if (wantsAssembly())
            one["representations"] = representationsOf(device, info, number);
        result.push_back(std::move(one));
        ++info.executableIndex;
    }
    return result;
}

std::vector<uint32_t> wordsOf(const VkSpecializationInfo* constants) {
    std::vector<uint32_t> words;
    for (uint32_t i = 0; constants && i < constants->mapEntryCount; ++i) {
        const VkSpecializationMapEntry& entry = constants->pMapEntries[i];
        uint32_t word = 0;
        std::memcpy(&word, static_cast<const char*>(constants->pData) + entry.offset,
                    std::min(entry.size, sizeof(word)));
        words.push_back(word);
    }
    return words;
}

} // namespace

bool wantsAssembly() {
    const char* folder = std::getenv("SACCADE_GPU_ASSEMBLY");
    return folder && *folder;
}

void reportDevice(const std::string& name, const std::string& driver, const std::string& info, bool statistics) {
    write({{"device", name}, {"driver", driver}, {"info", info}, {"statistics", statistics}});
}

void reportPipeline(const DeviceState& device, VkPipeline pipeline, uint32_t number, const std::string& kernel,
                    const VkSpecializationInfo* constants, double milliseconds) {
    nlohmann::ordered_json line{{"pipeline", number},
                                {"kernel", kernel},
                                {"constants", wordsOf(constants)},
                                {"milliseconds", milliseconds},
                                {"executables", nlohmann::ordered_json::array()}};
    if (device.captures)
        line["executables"] = executablesOf(device, pipeline, number);
    write(line);
}

void reportDispatch(const Recording& recording, const std::optional<std::array<uint32_t, 3>>& groups) {
    nlohmann::ordered_json line{{"dispatch", recording.pipeline}, {"stage", recording.label}, {"groups", nullptr}};
    if (groups)
        line["groups"] = *groups;
    write(line);
}

} // namespace saccade::gpu
