// SPDX-License-Identifier: Apache-2.0
#include "support/model_file.hpp"

#include <cstdint>
#include <cstring>

namespace saccade::test {

std::vector<std::byte> makeModelFile(const std::string& module, const nlohmann::json& config,
                                     const reference::Tensors& weights,
                                     const std::map<std::string, std::string>& more) {
    nlohmann::json header;
    header["__metadata__"] = {{"module", module}, {"config", config.dump()}};
    for (const auto& [key, value] : more)
        header["__metadata__"][key] = value;
    std::vector<std::byte> data;
    for (const auto& [name, tensor] : weights) {
        const std::size_t begin = data.size();
        for (const double value : tensor.data) {
            const float stored = static_cast<float>(value);
            const std::size_t end = data.size();
            data.resize(end + sizeof(stored));
            std::memcpy(data.data() + end, &stored, sizeof(stored));
        }
        header[name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t length = text.size();
    std::vector<std::byte> file(8 + text.size());
    std::memcpy(file.data(), &length, 8);
    std::memcpy(file.data() + 8, text.data(), text.size());
    file.insert(file.end(), data.begin(), data.end());
    return file;
}

} // namespace saccade::test
