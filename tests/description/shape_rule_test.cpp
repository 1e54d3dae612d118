// SPDX-License-Identifier: Apache-2.0
#include "description/shape_rule.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <optional>
#include <sstream>

namespace saccade::test {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find(separator, begin)) != std::string::npos; begin = end + separator.size())
        parts.push_back(text.substr(begin, end - begin));
    parts.push_back(text.substr(begin));
    return parts;
}

bool isName(const std::string& text) {
    return std::isalpha(static_cast<unsigned char>(text[0])) && text.find(' ') == std::string::npos;
}

std::optional<uint64_t> operand(const std::string& text, const ShapeNames& names) {
    if (!isName(text))
        return std::stoull(text);
    const auto found = names.sizes.find(text);
    return found == names.sizes.end() ? std::nullopt : std::optional(found->second);
}

// A sum of products, read from the left; nothing where a name is not bound or a division leaves a remainder.
std::optional<uint64_t> evaluate(const std::string& expression, const ShapeNames& names, bool& exact) {
    uint64_t sum = 0;
    for (const std::string& term : split(expression, " + ")) {
        std::istringstream words(term);
        std::string word, sign = "*";
        uint64_t product = 1;
        for (bool isOperand = true; words >> word; isOperand = !isOperand) {
            if (!isOperand) {
                sign = word;
                continue;
            }
            const auto value = operand(word, names);
            if (!value)
                return std::nullopt;
            exact = exact && (sign == "*" || product % *value == 0);
            product = sign == "*" ? product * *value : product / *value;
        }
        sum += product;
    }
    return sum;
}

bool matchesDimension(const std::string& rule, uint64_t size, ShapeNames& names) {
    if (isName(rule))
        return names.sizes.emplace(rule, size).first->second == size;
    bool exact = true;
    const auto value = evaluate(rule, names, exact);
    return !value || (exact && *value == size);
}

bool matchesForm(const std::string& form, const std::vector<uint64_t>& shape, ShapeNames& names) {
    const std::vector<std::string> dimensions = split(form.substr(1, form.size() - 2), ", ");
    std::size_t variadic = 0;
    for (const std::string& dimension : dimensions)
        variadic += dimension[0] == '*' ? 1 : 0;
    if (variadic ? shape.size() + 1 < dimensions.size() : shape.size() != dimensions.size())
        return false;
    std::size_t axis = 0;
    for (const std::string& dimension : dimensions) {
        if (dimension[0] != '*') {
            if (!matchesDimension(dimension, shape[axis++], names))
                return false;
            continue;
        }
        const std::size_t count = shape.size() + 1 - dimensions.size();
        const std::vector<uint64_t> sizes(shape.begin() + static_cast<std::ptrdiff_t>(axis),
                                          shape.begin() + static_cast<std::ptrdiff_t>(axis + count));
        if (names.lists.emplace(dimension.substr(1), sizes).first->second != sizes)
            return false;
        axis += count;
    }
    return true;
}

TEST(ShapeRule, matchesWhatItSays) {
    ShapeNames names;
    names.sizes = {{"dim", 6}};
    EXPECT_TRUE(matchesRule("(b, n, dim)", {2, 5, 6}, names));
    EXPECT_EQ(names.sizes.at("n"), 5u);
    EXPECT_FALSE(matchesRule("(b, n, dim)", {2, 4, 6}, names));
    EXPECT_FALSE(matchesRule("(b, n)", {2, 5, 6}, names));
    EXPECT_TRUE(matchesRule("(m) | (b, 2 * dim, n + 1)", {2, 12, 6}, names));
    EXPECT_FALSE(matchesRule("(b, 2 * dim, n + 1)", {2, 12, 5}, names));
    EXPECT_TRUE(matchesRule("(dim / 2)", {3}, names));
    EXPECT_FALSE(matchesRule("(n / 2)", {2}, names));
    EXPECT_TRUE(matchesRule("(b, *grid, 1)", {2, 8, 9, 1}, names));
    EXPECT_TRUE(matchesRule("(*grid)", {8, 9}, names));
    EXPECT_FALSE(matchesRule("(*grid)", {8, 8}, names));
    EXPECT_TRUE(matchesRule("(unknown * 2)", {7}, names));
    EXPECT_FALSE(matchesRule("(c, c)", {3, 4}, names));
    EXPECT_EQ(names.sizes.count("c"), 0u) << "a form that does not match binds nothing";
}

} // namespace

bool matchesRule(const std::string& rule, const std::vector<uint64_t>& shape, ShapeNames& names) {
    for (const std::string& form : split(rule, " | ")) {
        ShapeNames attempt = names;
        if (matchesForm(form, shape, attempt)) {
            names = attempt;
            return true;
        }
    }
    return false;
}

} // namespace saccade::test
