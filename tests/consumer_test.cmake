# SPDX-License-Identifier: Apache-2.0
# Builds and runs tests/consumer against the library, found one of three ways:
#   find_package, pkg_config   against an install of this build, staged in the scratch folder and then moved, because
#                              an installed tree must not remember where it was made
#   add_subdirectory           inside the consumer's build, without optimization, as a static library and as a shared
#                              object; also shows that that exports the public functions and nothing else
cmake_minimum_required(VERSION 3.22)

function(step)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
    if(NOT code EQUAL 0)
        list(JOIN ARGN " " command)
        message("${command}\n${text}")
        message(FATAL_ERROR "the command above answered ${code}")
    endif()
    set(stepOutput "${text}" PARENT_SCOPE)
endfunction()

set(consumer "${source}/tests/consumer")
set(program "${scratch}/build/consumer")
if(NOT way STREQUAL "add_subdirectory")
    file(REMOVE_RECURSE "${scratch}")
    step("${CMAKE_COMMAND}" --install "${build}" --config "${config}" --component library --prefix "${scratch}/staged")
    file(RENAME "${scratch}/staged" "${scratch}/moved")
endif()
file(MAKE_DIRECTORY "${scratch}/build")

if(way STREQUAL "find_package")
    step("${CMAKE_COMMAND}" -S "${consumer}" -B "${scratch}/build" -G "${generator}" "-DCMAKE_C_COMPILER=${compiler}"
        "-DCMAKE_PREFIX_PATH=${scratch}/moved")
    step("${CMAKE_COMMAND}" --build "${scratch}/build")
elseif(way STREQUAL "pkg_config")
    if(NOT pkgConfig)
        message(FATAL_ERROR "pkg-config not found")
    endif()
    set(ENV{PKG_CONFIG_PATH} "${scratch}/moved/${libDir}/pkgconfig")
    step("${pkgConfig}" --cflags --libs saccade)
    separate_arguments(flags UNIX_COMMAND "${stepOutput}")
    step("${compiler}" -std=c99 "${consumer}/main.c" ${flags} "-Wl,-rpath,${scratch}/moved/${libDir}" -o "${program}")
else()
    function(build shared)
        step("${CMAKE_COMMAND}" -S "${consumer}" -B "${scratch}/build" -G "${generator}"
            "-DCMAKE_C_COMPILER=${compiler}" "-DCMAKE_CXX_COMPILER=${cxxCompiler}"
            "-DCMAKE_C_COMPILER_LAUNCHER=${launcher}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}"
            "-DSACCADE_SOURCE=${source}" "-DBUILD_SHARED_LIBS=${shared}" -DCMAKE_CXX_FLAGS=-O0)
        step("${CMAKE_COMMAND}" --build "${scratch}/build")
    endfunction()
    # The objects serve both: position-independent in any case, and compiled again only where their definitions differ.
    build(OFF)
    step("${program}")
    build(ON)
    find_program(nm nm)
    file(GLOB library "${scratch}/build/saccade/runtime/libsaccade.so")
    if(nm AND library)
        step("${nm}" -D --defined-only --format=posix "${library}")
        string(REGEX MATCHALL "[^\n]+" symbols "${stepOutput}")
        list(FILTER symbols EXCLUDE REGEX "^(sac[A-Z]|SACCADE_[0-9]+ A)")
        if(symbols)
            list(JOIN symbols "\n  " symbols)
            message(FATAL_ERROR "the shared library exports more than the public functions:\n  ${symbols}")
        endif()
    endif()
endif()

step("${program}")
message("${way}: ${stepOutput}")
