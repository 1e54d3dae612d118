// SPDX-License-Identifier: Apache-2.0
// Numbers and tables as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace saccade::cli {

/// printf into a string.
std::string format(const char* pattern, ...);

/// "512 B", "3.2 KiB", "64 MiB".
std::string bytesText(uint64_t bytes);

/// Columns as wide as their widest cell: the first to the left, the others to the right. A row of no cells is a line.
class TextTable {
public:
    explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    /// How many columns, from the first, stand to the left.
    void leftColumns(std::size_t count) { left_ = count; }
    /// Writes the table to stdout.
    void print() const;

private:
    std::vector<std::vector<std::string>> rows_;
    std::size_t left_ = 1;
};

} // namespace saccade::cli
