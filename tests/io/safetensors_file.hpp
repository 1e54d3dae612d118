// SPDX-License-Identifier: Apache-2.0
// Files built by hand, so that reader and writer are not only checked against each other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saccade::test {

/// Header length, header as given, then `dataBytes` bytes 0, 1, 2, ...
inline std::vector<std::byte> makeFile(std::string_view header, std::size_t dataBytes) {
    std::vector<std::byte> file(8 + header.size() + dataBytes);
    const uint64_t length = header.size();
    std::memcpy(file.data(), &length, 8);
    std::memcpy(file.data() + 8, header.data(), header.size());
    for (std::size_t i = 0; i < dataBytes; ++i)
        file[8 + header.size() + i] = static_cast<std::byte>(i);
    return file;
}

/// A header of two tensors and metadata, over 32 bytes of data.
inline constexpr std::string_view smallHeader = R"({"__metadata__":{"module":"Test","config":"{\"dim\": 4}"},)"
                                                R"("to_q.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                                                R"("mask":{"dtype":"BOOL","shape":[8],"data_offsets":[24,32]}})";
inline constexpr std::size_t smallDataBytes = 32;

} // namespace saccade::test
