// SPDX-License-Identifier: Apache-2.0
#include "reference/network_expression.hpp"

#include <cctype>
#include <set>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace saccade::reference {
namespace {

int64_t floorDivide(int64_t a, int64_t b) {
    if (b == 0)
        throw std::invalid_argument("division by zero");
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/// sum = product {(+ | -) product}, product = signed {(* | // | %) signed}, signed = {+ | -} operand.
class Parser {
public:
    Parser(const std::string& text, const SizeNames& names) : text_(text), names_(names) {}

    int64_t whole() {
        const int64_t value = sum();
        if (skipSpaces(); at_ != text_.size())
            throw std::invalid_argument("unexpected \"" + text_.substr(at_) + "\"");
        return value;
    }

private:
    int64_t sum() {
        int64_t value = product();
        for (;;) {
            if (take("+"))
                value += product();
            else if (take("-"))
                value -= product();
            else
                return value;
        }
    }

    int64_t product() {
        int64_t value = withSign();
        for (;;) {
            if (take("//")) {
                value = floorDivide(value, withSign());
            } else if (take("%")) {
                const int64_t divisor = withSign();
                value -= floorDivide(value, divisor) * divisor;
            } else if (take("*")) {
                value *= withSign();
            } else {
                return value;
            }
        }
    }

    int64_t withSign() {
        if (take("-"))
            return -withSign();
        if (take("+"))
            return withSign();
        return operand();
    }

    int64_t operand() {
        if (take("(")) {
            const int64_t value = sum();
            expect(")");
            return value;
        }
        const std::string word = nextWord();
        if (word.empty())
            throw std::invalid_argument("a size is missing at \"" + text_.substr(at_) + "\"");
        if (std::isdigit(static_cast<unsigned char>(word[0])) != 0)
            return std::stoll(word);
        if (word != "size" || !take("("))
            return names_.freeSize(word);
        const std::size_t comma = text_.find(',', at_);
        if (comma == std::string::npos)
            throw std::invalid_argument("size() takes a value and a dimension");
        std::string value = text_.substr(at_, comma - at_);
        value.erase(0, value.find_first_not_of(' '));
        value.erase(value.find_last_not_of(' ') + 1);
        at_ = comma + 1;
        const int64_t dim = sum();
        expect(")");
        return names_.valueSize(value, dim);
    }

    std::string nextWord() {
        skipSpaces();
        const std::size_t first = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
            ++at_;
        return text_.substr(first, at_ - first);
    }

    void skipSpaces() {
        while (at_ < text_.size() && text_[at_] == ' ')
            ++at_;
    }

    bool take(const std::string& symbol) {
        skipSpaces();
        if (text_.compare(at_, symbol.size(), symbol) != 0)
            return false;
        at_ += symbol.size();
        return true;
    }

    void expect(const std::string& symbol) {
        if (!take(symbol))
            throw std::invalid_argument("\"" + symbol + "\" is missing");
    }

    const std::string& text_;
    const SizeNames& names_;
    std::size_t at_ = 0;
};

/// Keys whose strings are choices, where those of others are sizes.
bool isChoice(const std::string& key, bool ofModule) {
    static const std::set<std::string> both = {"mode", "padding_mode"};
    static const std::set<std::string> ofOperators = {"approximate", "normalize"};
    static const std::set<std::string> ofModules = {"axis_order", "border", "padding", "pattern", "sampling", "select"};
    return both.contains(key) || (ofModule ? ofModules : ofOperators).contains(key);
}

} // namespace

int64_t evaluate(const std::string& expression, const SizeNames& names) {
    try {
        return Parser(expression, names).whole();
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument("expression \"" + expression + "\": " + error.what());
    }
}

int64_t evaluateSize(const nlohmann::json& size, const SizeNames& names) {
    return size.is_string() ? evaluate(size.get<std::string>(), names) : size.get<int64_t>();
}

nlohmann::json withNumbers(nlohmann::json value, const SizeNames& names) {
    if (value.is_string())
        return evaluateSize(value, names);
    if (value.is_array())
        for (nlohmann::json& entry : value)
            entry = withNumbers(entry, names);
    return value;
}

nlohmann::json configWithNumbers(nlohmann::json config, bool ofModule, const SizeNames& names) {
    for (const auto& member : config.items())
        if (!isChoice(member.key(), ofModule))
            member.value() = withNumbers(member.value(), names);
    return config;
}

} // namespace saccade::reference
