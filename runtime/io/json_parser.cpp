// SPDX-License-Identifier: Apache-2.0
#include "io/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <memory_resource>
#include <system_error>

#include "base/text.hpp"
#include "io/decimal.hpp"

namespace saccade {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

/// A recursive-descent parser. Elements of an unfinished array or object wait on a stack shared by all levels and move
/// to the arena when it is complete, so that finished values lie contiguously and nothing is reallocated there.
class Parser {
public:
    Parser(std::string_view text, JsonDocument::Arena* arena, std::pmr::memory_resource* scratch, SacResult code,
           const char* what, JsonRules* rules)
        : text_(text), arena_(arena), items_(scratch), members_(scratch), code_(code), what_(what), rules_(rules) {}

    JsonValue parseText() {
        if (text_.size() > std::numeric_limits<uint32_t>::max())
            throw Error(code_, "%s: %zu bytes of JSON, 4 GiB or more", what_, text_.size());
        if (const std::size_t bad = findInvalidUtf8(text_); bad != text_.size())
            fail(bad, "invalid UTF-8");
        skipSpace();
        const JsonValue value = parseValue({0, {}, 0});
        skipSpace();
        if (!atEnd())
            fail(position_, "text after the end of the JSON value");
        return value;
    }

private:
    [[noreturn]] void fail(std::size_t position, const char* rule) const {
        throw Error(code_, "%s: byte %zu: %s", what_, position, rule);
    }

    bool atEnd() const { return position_ == text_.size(); }
    /// The next byte; a zero at the end, which no rule of the grammar accepts.
    char peek() const { return atEnd() ? '\0' : text_[position_]; }

    bool accept(char c) {
        if (atEnd() || text_[position_] != c)
            return false;
        ++position_;
        return true;
    }

    void expect(char c, const char* rule) {
        if (!accept(c))
            fail(position_, rule);
    }

    void skipSpace() { position_ = std::min(text_.find_first_not_of(" \t\n\r", position_), text_.size()); }

    // What the value that begins here is, by its first character; null for what begins none.
    JsonValue::Type nextType() const {
        switch (peek()) {
        case '{':
            return JsonValue::Type::object;
        case '[':
            return JsonValue::Type::array;
        case '"':
            return JsonValue::Type::string;
        case 't':
        case 'f':
            return JsonValue::Type::boolean;
        default:
            return peek() == '-' || isDigit(peek()) ? JsonValue::Type::number : JsonValue::Type::null;
        }
    }

    JsonValue parseValue(const JsonPlace& place) {
        if (rules_)
            rules_->check(place, nextType());
        const int depth = place.depth;
        switch (peek()) {
        case '{':
            return parseObject(depth);
        case '[':
            return parseArray(depth);
        case '"':
            return JsonValue(parseString());
        case 't':
            return parseWord("true", JsonValue(true));
        case 'f':
            return parseWord("false", JsonValue(false));
        case 'n':
            return parseWord("null", JsonValue());
        default:
            if (peek() == '-' || isDigit(peek()))
                return parseNumber();
            fail(position_, "expected a value");
        }
    }

    JsonValue parseWord(std::string_view word, JsonValue value) {
        if (text_.substr(position_, word.size()) != word)
            fail(position_, "expected a value");
        position_ += word.size();
        return value;
    }

    JsonValue parseArray(int depth) {
        enter(depth);
        const std::size_t first = items_.size();
        if (!accept(']')) {
            do {
                skipSpace();
                const JsonValue item = parseValue({depth + 1, {}, items_.size() - first});
                items_.push_back(item);
                skipSpace();
            } while (accept(','));
            expect(']', "expected ',' or ']' in an array");
        }
        return JsonValue(settle(items_, first));
    }

    JsonValue parseObject(int depth) {
        enter(depth);
        const std::size_t first = members_.size();
        if (!accept('}')) {
            do {
                skipSpace();
                if (peek() != '"')
                    fail(position_, "expected a key in double quotes");
                JsonMember member{parseString(), JsonValue()};
                skipSpace();
                expect(':', "expected ':' after a key");
                skipSpace();
                member.value = parseValue({depth + 1, member.key, members_.size() - first});
                members_.push_back(member);
                skipSpace();
            } while (accept(','));
            expect('}', "expected ',' or '}' in an object");
        }
        const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
        std::sort(begin, members_.end(), [](const JsonMember& a, const JsonMember& b) { return a.key < b.key; });
        const auto twice = std::adjacent_find(begin, members_.end(),
                                              [](const JsonMember& a, const JsonMember& b) { return a.key == b.key; });
        if (twice != members_.end())
            throw Error(code_, "%s: key \"%.*s\" appears twice in one object", what_, clip(twice->key),
                        twice->key.data());
        return JsonValue(settle(members_, first));
    }

    /// Steps over the opening bracket of a value at `depth`.
    void enter(int depth) {
        if (depth == jsonDepthLimit)
            fail(position_, "nested deeper than 64 levels");
        static_assert(jsonDepthLimit == 64);
        ++position_;
        skipSpace();
    }

    template <class T>
    std::span<const T> settle(std::pmr::deque<T>& stack, std::size_t first) {
        const std::size_t count = stack.size() - first;
        if (count == 0)
            return {};
        auto* settled = static_cast<T*>(arena_->allocate(count * sizeof(T), alignof(T)));
        std::uninitialized_copy_n(stack.begin() + static_cast<std::ptrdiff_t>(first), count, settled);
        stack.resize(first);
        return {settled, count};
    }

    std::string_view parseString() {
        const std::size_t begin = ++position_;
        // An escape is never shorter than the character it stands for, so the raw length bounds the decoded one.
        bool escaped = false;
        for (; peek() != '"'; ++position_) {
            if (atEnd())
                fail(begin - 1, "string without an end");
            if (static_cast<unsigned char>(text_[position_]) < 0x20)
                fail(position_, "control character in a string");
            if (text_[position_] == '\\') {
                escaped = true;
                if (++position_ == text_.size())
                    fail(begin - 1, "string without an end");
            }
        }
        const std::string_view raw = text_.substr(begin, position_ - begin);
        ++position_;
        if (raw.empty())
            return ""; // not a null pointer, which "%.*s" may not be given
        auto* out = static_cast<char*>(arena_->allocate(raw.size(), 1));
        if (!escaped) {
            std::memcpy(out, raw.data(), raw.size());
            return {out, raw.size()};
        }
        return {out, decode(begin, begin + raw.size(), out)};
    }

    std::size_t decode(std::size_t from, std::size_t end, char* out) const {
        std::size_t length = 0;
        while (from < end) {
            if (text_[from] != '\\') {
                out[length++] = text_[from++];
                continue;
            }
            const std::size_t start = from;
            const char letter = text_[from + 1];
            from += 2;
            if (letter != 'u') {
                constexpr std::string_view letters = "\"\\/bfnrt";
                constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
                const std::size_t which = letters.find(letter);
                if (which == std::string_view::npos)
                    fail(start, "unknown escape in a string");
                out[length++] = meanings[which];
                continue;
            }
            uint32_t code = parseHex(from, end);
            from += 4;
            if (code >= 0xd800 && code <= 0xdfff) {
                const bool paired = code <= 0xdbff && end - from >= 6 && text_[from] == '\\' && text_[from + 1] == 'u';
                const uint32_t low = paired ? parseHex(from + 2, end) : 0;
                if (low < 0xdc00 || low > 0xdfff)
                    fail(start, "half a surrogate pair in a string");
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                from += 6;
            }
            length += encodeUtf8(code, out + length);
        }
        return length;
    }

    uint32_t parseHex(std::size_t from, std::size_t end) const {
        uint32_t code = 0;
        for (std::size_t i = from; i < from + 4; ++i) {
            const char c = i < end ? text_[i] : '\0';
            const char lower = static_cast<char>(c | 0x20);
            if (!isDigit(c) && (lower < 'a' || lower > 'f'))
                fail(from, "expected four hexadecimal digits after \\u");
            code = code * 16 + static_cast<uint32_t>(isDigit(c) ? c - '0' : lower - 'a' + 10);
        }
        return code;
    }

    void skipDigits() {
        if (!isDigit(peek()))
            fail(position_, "expected a digit");
        while (isDigit(peek()))
            ++position_;
    }

    JsonValue parseNumber() {
        const std::size_t begin = position_;
        accept('-');
        if (!accept('0'))
            skipDigits();
        else if (isDigit(peek()))
            fail(begin, "number with a leading zero");
        const bool fraction = accept('.');
        if (fraction)
            skipDigits();
        const std::size_t mantissaEnd = position_;
        const bool exponent = accept('e') || accept('E');
        if (exponent) {
            if (!accept('+'))
                accept('-');
            skipDigits();
        }

        const char* first = text_.data() + begin;
        const char* last = text_.data() + position_;
        if (!fraction && !exponent) {
            int64_t integer = 0;
            if (std::from_chars(first, last, integer).ec != std::errc())
                fail(begin, "integer beyond 64 bits");
            return JsonValue(integer);
        }
#if defined(__cpp_lib_to_chars)
        double number = 0;
        const bool inRange = std::from_chars(first, last, number).ec == std::errc() && std::isfinite(number);
#else
        const double number = parseDecimal({first, last});
        const bool inRange = std::isfinite(number);
#endif
        // Libraries differ in whether they report an underflow, so a zero is asked for its digits.
        const std::string_view mantissa = text_.substr(begin, mantissaEnd - begin);
        const bool underflow = number == 0 && mantissa.find_first_of("123456789") != std::string_view::npos;
        if (!inRange || underflow)
            fail(begin, "number beyond the range of a double");
        return JsonValue(number);
    }

    std::string_view text_;
    std::size_t position_ = 0;
    JsonDocument::Arena* arena_;
    std::pmr::deque<JsonValue> items_; // grow without a copy of all they hold
    std::pmr::deque<JsonMember> members_;
    SacResult code_;
    const char* what_;
    JsonRules* rules_;
};

} // namespace

JsonDocument parseJson(std::string_view text, std::pmr::memory_resource* memory, SacResult code, const char* what,
                       JsonRules* rules) {
    auto arena = makeUnique<JsonDocument::Arena>(memory, memory);
    const JsonValue root = Parser(text, arena.get(), memory, code, what, rules).parseText();
    return JsonDocument(std::move(arena), root);
}

} // namespace saccade
