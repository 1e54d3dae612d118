// SPDX-License-Identifier: Apache-2.0
#include "spirv/module.hpp"

namespace saccade::spirv {

Module::Module(std::span<const uint32_t> words) : words_(words) {
    constexpr uint32_t magic = 0x07230203;
    constexpr uint32_t maxBound = 0x3fffff; // the specification's universal limit, chapter 2.17
    if (words.size() < headerWords)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: %zu words are no header", words.size());
    if (words[0] != magic)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: the first word is 0x%08x, not 0x%08x", words[0], magic);
    if (bound() == 0 || bound() > maxBound)
        throw Error(SAC_ERROR_INTERNAL, "SPIR-V: the bound of ids is %u, it can be 1 to %u", bound(), maxBound);
    for (size_t word = headerWords; word < words.size();) {
        const size_t count = words[word] >> 16;
        if (count == 0 || count > words.size() - word)
            throw Error(SAC_ERROR_INTERNAL, "SPIR-V: the instruction at word %zu has %zu words, %zu are left", word,
                        count, words.size() - word);
        word += count;
    }
}

} // namespace saccade::spirv
