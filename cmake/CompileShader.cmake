# SPDX-License-Identifier: Apache-2.0
# Compiles, optimizes and validates one shader variant and writes its words as a C++ initializer list.
#   cmake -Dglslang= -Dopt= -Dval= -DsourceDir= -Dsource= -Ddefines= -Doutput=X.inc -P CompileShader.cmake
# Also writes X.inc.d, the files it was made from. Silent on success; on failure the tools' text is the message.

list(TRANSFORM defines PREPEND "-D")

function(step what)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
    if(NOT code EQUAL 0)
        # By itself, because FATAL_ERROR would fold the tool's lines.
        message("${text}")
        message(FATAL_ERROR "${source} ${defines}: ${what} failed")
    elseif(text MATCHES "(WARNING|warning):[^\n]*")
        message("${source} ${defines}: ${text}")
    endif()
endfunction()

step("glslangValidator" "${glslang}" -V --target-env vulkan1.1 "-I${sourceDir}" ${defines}
    --depfile "${output}.d" -o "${output}.raw.spv" "${sourceDir}/${source}")
step("spirv-opt" "${opt}" --target-env=vulkan1.1 -O --strip-debug "${output}.raw.spv" -o "${output}.spv")
step("spirv-val" "${val}" --target-env vulkan1.1 "${output}.spv")

# glslang names the intermediate file as the target, and its versions differ in whether they escape spaces.
file(READ "${output}.d" dependencies)
string(REPLACE "\\ " " " dependencies "${dependencies}")
string(REPLACE "${output}.raw.spv:" "" dependencies "${dependencies}")
string(REPLACE " " "\\ " escapedDir "${sourceDir}")
string(REPLACE "${sourceDir}" "${escapedDir}" dependencies "${dependencies}")
string(REPLACE " " "\\ " escapedOutput "${output}")
file(WRITE "${output}.d" "${escapedOutput}:${dependencies}")

file(READ "${output}.spv" hex HEX)
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${hex}")
# Lines of 16 words: compilers and people dislike a line of a megabyte.
string(REPEAT "0x........," 16 line)
string(REGEX REPLACE "(${line})" "\\1\n" words "${words}")
file(WRITE "${output}" "${words}\n")
