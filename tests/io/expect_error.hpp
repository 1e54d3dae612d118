// SPDX-License-Identifier: Apache-2.0
// Asserts on the Error an expression throws.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

#include "base/error.hpp"

namespace saccade::test {

/// Expects `action()` to throw Error with `code` and a message that contains every one of `parts`.
template <class Action>
void expectError(SacResult code, std::initializer_list<std::string_view> parts, Action action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        const std::string_view message = error.what();
        for (const std::string_view part : parts)
            EXPECT_NE(message.find(part), std::string_view::npos) << "\"" << part << "\" is not in: " << message;
        return;
    }
    ADD_FAILURE() << "nothing was thrown";
}

} // namespace saccade::test
