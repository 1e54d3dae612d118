# SPDX-License-Identifier: Apache-2.0
# Warnings and sanitizers, and where they apply; the C++ runtime.

# A static library leaves the C++ runtime to whoever links it, which a C program would not do by itself.
set(SACCADE_CXX_RUNTIME "")
if(NOT BUILD_SHARED_LIBS)
    set(SACCADE_CXX_RUNTIME ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
    list(FILTER SACCADE_CXX_RUNTIME INCLUDE REGEX "^(stdc\\+\\+|c\\+\\+|c\\+\\+abi|m)$")
    list(REMOVE_DUPLICATES SACCADE_CXX_RUNTIME)
endif()

# Warnings are per target: an engine's own targets and the headers of dependencies stay as they are.
function(saccade_warnings target)
    if(MSVC)
        target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${SACCADE_WERROR}>:/WX>)
    else()
        # Vulkan's structures are begun with their sType and left zero, as their zero values are their defaults.
        # GCC 12 sees overlaps of 2^63 bytes in joined std::strings (its bug 105651).
        target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wno-missing-field-initializers
            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<BOOL:${SACCADE_WERROR}>:-Werror>)
    endif()
endfunction()

# A sanitizer covers every target of this build, since mixing instrumented and plain objects hides errors.
if(SACCADE_SANITIZE)
    if(NOT SACCADE_SANITIZE MATCHES "^(address|undefined|thread)$")
        message(FATAL_ERROR "SACCADE_SANITIZE is \"${SACCADE_SANITIZE}\"; it is one of address, undefined, thread, or empty")
    endif()
    add_compile_options(-fsanitize=${SACCADE_SANITIZE} -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${SACCADE_SANITIZE})
    if(SACCADE_SANITIZE STREQUAL "undefined")
        add_compile_options(-fno-sanitize-recover=all)
    endif()
endif()

# Fuzzing wants every branch of the library counted, and both sanitizers.
if(SACCADE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=address,undefined)
endif()
