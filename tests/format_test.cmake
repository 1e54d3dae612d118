# SPDX-License-Identifier: Apache-2.0
# Every C++, C and parameter file is as clang-format 14 leaves it. Other versions differ in details, so the test is skipped
# without that one. The check first has to find a fault of its own.
cmake_minimum_required(VERSION 3.22)

find_program(tool NAMES clang-format-14 clang-format)
set(version "")
if(tool)
    execute_process(COMMAND "${tool}" --version OUTPUT_VARIABLE version)
endif()
if(NOT version MATCHES "version 14\\.")
    message("skipped: clang-format 14 is not installed")
    return()
endif()

function(check outFaults)
    execute_process(COMMAND "${tool}" --style=file:${root}/.clang-format --dry-run -Werror ${ARGN}
        RESULT_VARIABLE code ERROR_VARIABLE text)
    set(${outFaults} "" PARENT_SCOPE)
    if(NOT code EQUAL 0)
        set(${outFaults} "${text}" PARENT_SCOPE)
    endif()
endfunction()

file(WRITE "${scratch}/planted.cpp" "int  x;\n")
check(faults "${scratch}/planted.cpp")
if(NOT faults)
    message(FATAL_ERROR "the check does not find a planted fault")
endif()

set(files "")
foreach(folder IN ITEMS bench fuzz include runtime samples shaders tests tools)
    foreach(ending IN ITEMS c h cpp hpp)
        file(GLOB_RECURSE found "${root}/${folder}/*.${ending}")
        list(APPEND files ${found})
    endforeach()
endforeach()
check(faults ${files})
if(faults)
    message(FATAL_ERROR "${faults}")
endif()
list(LENGTH files count)
message("format: ${count} files")
