# SPDX-License-Identifier: Apache-2.0
# saccade_add_shaders(<target> VARIANTS <list> NAMESPACE <namespace> HEADER <name>.hpp)
#
# Makes <target>, an object library that holds every shader variant of a list as SPIR-V, and the header
#
#     namespace <namespace> {
#     enum class Shader : uint16_t { <variant>, ... };
#     struct ShaderCode { const uint32_t* words; size_t bytes; const char* name; };
#     const ShaderCode& shaderCode(Shader shader) noexcept;
#     inline constexpr unsigned shaderCount;
#     }
#
# Each line of the list is `name source [DEFINE[=value] ...]`, `#` begins a comment, sources lie beside the list.
# A variant is compiled by itself and depends on the files it includes: a change recompiles what it touches only.

foreach(tool glslangValidator spirv-opt spirv-val)
    string(MAKE_C_IDENTIFIER "SACCADE_${tool}" variable)
    string(TOUPPER "${variable}" variable)
    find_program(${variable} ${tool} HINTS "$ENV{VULKAN_SDK}/bin")
    mark_as_advanced(${variable})
    if(NOT ${variable})
        message(FATAL_ERROR "${tool} not found: shaders cannot be compiled "
            "(Debian, Ubuntu: apt-get install glslang-tools spirv-tools; elsewhere the packages glslang and spirv-tools, or the Vulkan SDK)")
    endif()
endforeach()

set(SACCADE_COMPILE_SHADER "${CMAKE_CURRENT_LIST_DIR}/CompileShader.cmake")

function(saccade_add_shaders target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "VARIANTS;NAMESPACE;HEADER" "")
    get_filename_component(sourceDir "${arg_VARIANTS}" DIRECTORY)
    set(outputDir "${CMAKE_CURRENT_BINARY_DIR}/${target}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${arg_VARIANTS}")

    set(names "")
    set(outputs "")
    set(arrays "")
    set(entries "")
    set(lineNumber 0)
    file(READ "${arg_VARIANTS}" text)
    string(REGEX REPLACE "\r?\n" ";" lines "${text}")
    foreach(line IN LISTS lines)
        math(EXPR lineNumber "${lineNumber} + 1")
        string(REGEX REPLACE "#.*" "" line "${line}")
        separate_arguments(words UNIX_COMMAND "${line}")
        if(NOT words)
            continue()
        endif()
        set(place "${arg_VARIANTS}:${lineNumber}")
        list(LENGTH words count)
        if(count LESS 2)
            message(FATAL_ERROR "${place}: a variant is `name source [DEFINE[=value] ...]`, not \"${line}\"")
        endif()
        list(POP_FRONT words name source)
        if(NOT name MATCHES "^[a-zA-Z][a-zA-Z0-9]*$")
            message(FATAL_ERROR "${place}: variant name \"${name}\" is not made of letters and digits")
        endif()
        if(name IN_LIST names)
            message(FATAL_ERROR "${place}: variant \"${name}\" is listed twice")
        endif()
        if(NOT EXISTS "${sourceDir}/${source}")
            message(FATAL_ERROR "${place}: variant \"${name}\" names a source that does not exist, ${source}")
        endif()
        set(output "${outputDir}/${name}.inc")
        add_custom_command(
            OUTPUT "${output}"
            COMMAND "${CMAKE_COMMAND}"
                "-Dglslang=${SACCADE_GLSLANGVALIDATOR}" "-Dopt=${SACCADE_SPIRV_OPT}" "-Dval=${SACCADE_SPIRV_VAL}"
                "-DsourceDir=${sourceDir}" "-Dsource=${source}" "-Ddefines=${words}" "-Doutput=${output}"
                -P "${SACCADE_COMPILE_SHADER}"
            DEPENDS "${sourceDir}/${source}" "${SACCADE_COMPILE_SHADER}"
            DEPFILE "${output}.d"
            COMMENT "Shader ${name}"
            VERBATIM)
        list(APPEND names "${name}")
        list(APPEND outputs "${output}")
        string(APPEND arrays "constexpr uint32_t ${name}[] = {\n#include \"${name}.inc\"\n};\n")
        string(APPEND entries "    {${name}, sizeof ${name}, \"${name}\"},\n")
    endforeach()

    list(LENGTH names shaderCount)
    list(TRANSFORM names REPLACE "(.+)" "    \\1,\n" OUTPUT_VARIABLE enumerators)
    list(JOIN enumerators "" enumerators)
    get_filename_component(listName "${arg_VARIANTS}" NAME)
    set(generated "// Generated from ${listName}.\n")
    # file(CONFIGURE) leaves an unchanged file alone, so an edited comment in the list rebuilds nothing.
    file(CONFIGURE OUTPUT "${outputDir}/${arg_HEADER}" @ONLY CONTENT "@generated@#pragma once

#include <cstddef>
#include <cstdint>

namespace @arg_NAMESPACE@ {

enum class Shader : uint16_t {
@enumerators@};

inline constexpr unsigned shaderCount = @shaderCount@;

/// SPIR-V of one variant.
struct ShaderCode {
    const uint32_t* words;
    size_t bytes;
    const char* name;
};

const ShaderCode& shaderCode(Shader shader) noexcept;

} // namespace @arg_NAMESPACE@
")
    file(CONFIGURE OUTPUT "${outputDir}/shaders.cpp" @ONLY CONTENT "@generated@#include \"@arg_HEADER@\"

namespace @arg_NAMESPACE@ {
namespace {

@arrays@
// The last entry keeps the table valid for an empty list.
constexpr ShaderCode table[] = {
@entries@    {nullptr, 0, nullptr},
};

} // namespace

const ShaderCode& shaderCode(Shader shader) noexcept { return table[static_cast<unsigned>(shader)]; }

} // namespace @arg_NAMESPACE@
")
    add_library(${target} OBJECT "${outputDir}/shaders.cpp")
    set_source_files_properties("${outputDir}/shaders.cpp" PROPERTIES OBJECT_DEPENDS "${outputs}")
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
    target_include_directories(${target} PUBLIC "${outputDir}")
endfunction()
