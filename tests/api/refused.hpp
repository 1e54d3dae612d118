// SPDX-License-Identifier: Apache-2.0
// A call that has to be refused: what to expect of it.
#pragma once

#include <gtest/gtest.h>
#include <saccade/saccade.h>

#include <cstring>
#include <functional>

namespace saccade::test {

/// One thing made wrong in an otherwise valid call.
template <class Call>
struct Wrong {
    const char* what;
    std::function<void(Call&)> spoil;
    SacResult result;
    const char* named; ///< the message has it
};

inline void expectRefused(SacResult result, const SacError& error, SacResult expected, const char* named) {
    EXPECT_EQ(result, expected) << sacResultString(result) << ", message: " << error.message;
    EXPECT_EQ(error.result, result);
    EXPECT_NE(std::strstr(error.message, named), nullptr) << "no " << named << " in: " << error.message;
}

/// Starts with what no call leaves there, so that an error that was not filled in shows.
inline SacError unsetError() {
    SacError error;
    std::memset(&error, 0x55, sizeof(error));
    error.message[sizeof(error.message) - 1] = '\0';
    return error;
}

} // namespace saccade::test
