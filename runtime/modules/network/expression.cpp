// SPDX-License-Identifier: Apache-2.0
#include "modules/network/expression.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace saccade::network {
namespace {

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isDigit(char c) { return c >= '0' && c <= '9'; }

constexpr int64_t limit = int64_t{1} << 53;
constexpr int depthLimit = 64;

// Recursive descent: sum = product {+ - product}, product = unary {* // % unary}.
class Parser {
public:
    Parser(std::string_view text, const Sizes& sizes) : text_(text), sizes_(sizes) {}

    int64_t parse() {
        const int64_t value = sum(0);
        skipSpaces();
        if (at_ != text_.size())
            fail("is not understood");
        return value;
    }

private:
    [[noreturn]] void fail(const char* why) const {
        throw Error(SAC_ERROR_INVALID_CONFIG, "expression \"%.*s\": what stands at byte %zu %s", clip(text_),
                    text_.data(), at_, why);
    }

    void skipSpaces() {
        while (at_ < text_.size() && text_[at_] == ' ')
            ++at_;
    }

    bool take(std::string_view token) {
        skipSpaces();
        if (!text_.substr(at_).starts_with(token))
            return false;
        at_ += token.size();
        return true;
    }

    int64_t checked(int64_t value) const {
        if (value > limit || value < -limit)
            fail("is beyond 2^53");
        return value;
    }

    int64_t times(int64_t a, int64_t b) const {
        const int64_t size = b < 0 ? -b : b;
        if (size && (a > limit / size || a < -(limit / size)))
            fail("is beyond 2^53");
        return a * b;
    }

    // Python's: rounded down.
    int64_t floorDivide(int64_t a, int64_t b) const {
        if (b == 0)
            fail("divides by zero");
        return a / b - (a % b != 0 && (a < 0) != (b < 0));
    }

    int64_t sum(int depth) {
        int64_t value = product(depth);
        for (;;) {
            if (take("+"))
                value = checked(value + product(depth));
            else if (take("-"))
                value = checked(value - product(depth));
            else
                return value;
        }
    }

    int64_t product(int depth) {
        int64_t value = unary(depth);
        for (;;) {
            if (take("*"))
                value = times(value, unary(depth));
            else if (take("//"))
                value = floorDivide(value, unary(depth));
            else if (take("%")) {
                const int64_t divisor = unary(depth);
                value -= floorDivide(value, divisor) * divisor;
            } else
                return value;
        }
    }

    int64_t unary(int depth) {
        if (depth == depthLimit)
            fail("is nested too deeply");
        if (take("-"))
            return -unary(depth + 1);
        if (take("(")) {
            const int64_t value = sum(depth + 1);
            if (!take(")"))
                fail("is no \")\"");
            return value;
        }
        skipSpaces();
        if (at_ < text_.size() && isDigit(text_[at_]))
            return number();
        const size_t begin = at_;
        while (at_ < text_.size() && (isLetter(text_[at_]) || isDigit(text_[at_])))
            ++at_;
        const std::string_view name = text_.substr(begin, at_ - begin);
        if (name == "size" && take("("))
            return sizeOf();
        const uint64_t* value = sizes_.freeSize(name);
        if (!value) {
            at_ = begin;
            fail("is no number and no free size");
        }
        return checked(static_cast<int64_t>(std::min(*value, uint64_t{INT64_MAX})));
    }

    int64_t number() {
        int64_t value = 0;
        for (; at_ < text_.size() && isDigit(text_[at_]); ++at_)
            value = checked(value * 10 + (text_[at_] - '0'));
        return value;
    }

    // Behind "size(": a value's name, which may hold anything but a comma, and a dimension.
    int64_t sizeOf() {
        skipSpaces();
        const size_t comma = text_.find(',', at_);
        if (comma == std::string_view::npos)
            fail("is no value and dimension");
        const std::string_view name = text_.substr(at_, comma - at_);
        const Shape* shape = sizes_.shapeOf(name);
        if (!shape)
            fail("is no value that exists here");
        at_ = comma + 1;
        const bool negative = take("-");
        skipSpaces();
        if (at_ == text_.size() || !isDigit(text_[at_]))
            fail("is no dimension");
        const int64_t dim = number(), rank = static_cast<int64_t>(shape->size());
        const int64_t index = negative ? rank - dim : dim;
        if (index < 0 || index >= rank)
            fail("is a dimension that the value does not have");
        if (!take(")"))
            fail("is no \")\"");
        return static_cast<int64_t>((*shape)[static_cast<size_t>(index)]);
    }

    std::string_view text_;
    const Sizes& sizes_;
    size_t at_ = 0;
};

} // namespace

int64_t evaluate(std::string_view expression, const Sizes& sizes) { return Parser(expression, sizes).parse(); }

void requireSize(const JsonValue& value, const char* what) {
    if (!value.isInteger() && !value.isString())
        throw Error(SAC_ERROR_INVALID_CONFIG, "%s: %s is neither an integer nor an expression", what,
                    JsonSummary(value).text());
}

int64_t evaluateSize(const JsonValue& value, const Sizes& sizes, const char* what) {
    requireSize(value, what);
    return value.isString() ? evaluate(value.asString(), sizes) : value.asInteger();
}

bool isSizeName(std::string_view text) {
    return !text.empty() && !isDigit(text[0]) &&
           std::all_of(text.begin(), text.end(), [](char c) { return isLetter(c) || isDigit(c); });
}

} // namespace saccade::network
