// SPDX-License-Identifier: Apache-2.0
#include "modules/variable_layout.hpp"

#include <algorithm>

namespace saccade {
namespace {

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}

    /// Uniform in [0, bound) up to bound / 2^32.
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(bound * (next() >> 32) >> 32); }

private:
    uint64_t next() {
        state_ += 0x9e3779b97f4a7c15u;
        uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }

    uint64_t state_;
};

// Floyd's sampling without replacement (Bentley and Floyd, CACM 30(9), 1987): the row, zero until now, says itself what
// was taken.
void addRandom(const VariableLayout& d, Random& random, std::span<uint8_t> head) {
    for (uint32_t row = 0; row < d.blocks; ++row) {
        const auto columns = head.subspan(size_t{row} * d.blocks, d.blocks);
        for (uint32_t j = d.blocks - d.randomBlocks; j < d.blocks; ++j) {
            const uint32_t t = random.below(j + 1);
            columns[columns[t] ? j : t] = 1;
        }
    }
}

void addLocal(const VariableLayout& d, std::span<uint8_t> head) {
    size_t window = 0;
    for (uint64_t begin = 0; begin < d.blocks;) {
        const uint64_t end = std::min<uint64_t>(begin + d.windows[window], d.blocks);
        for (uint64_t row = begin; row < end; ++row)
            std::fill_n(head.begin() + static_cast<std::ptrdiff_t>(row * d.blocks + begin),
                        (d.causal ? row + 1 : end) - begin, uint8_t{1});
        begin = end;
        window = std::min(window + 1, d.windows.size() - 1);
    }
}

void addGlobal(const VariableLayout& d, std::span<uint8_t> head) {
    for (const uint32_t column : d.globals)
        if (column < d.blocks)
            for (uint32_t row = d.causal ? column : 0; row < d.blocks; ++row)
                head[size_t{row} * d.blocks + column] = 1;
}

} // namespace

void buildVariableLayout(const VariableLayout& d, std::span<uint8_t> layout) {
    std::fill(layout.begin(), layout.end(), uint8_t{0});
    const size_t headSize = size_t{d.blocks} * d.blocks;
    Random random(d.seed);
    for (uint32_t h = 0; h < d.heads; ++h) {
        const auto head = layout.subspan(h * headSize, headSize);
        if (h > 0 && !d.differentPerHead) {
            std::copy_n(layout.begin(), headSize, head.begin());
            continue;
        }
        addRandom(d, random, head);
        addLocal(d, head);
        addGlobal(d, head);
    }
}

} // namespace saccade
