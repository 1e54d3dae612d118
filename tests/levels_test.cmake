# No file of a level includes one of a level above it:
#   api -> modules -> graph -> kernels -> vulkan -> base, each what stands to its right; io -> base on the side, which
#   modules and api may include.
# The check first has to find faults planted in a tree of its own; a check that never fails proves nothing.
cmake_minimum_required(VERSION 3.22)

set(may_base base)
set(may_io io base)
set(may_vulkan vulkan base)
set(may_kernels kernels vulkan base)
set(may_graph graph kernels vulkan base)
set(may_modules modules graph kernels vulkan base io)
set(may_api api modules graph kernels vulkan base io)
# Generated from shaders/variants.txt, names the variants.
set(generated_shaders.hpp vulkan kernels graph)

function(check root outFaults outIncludes)
    set(faults "")
    set(includes 0)
    file(GLOB_RECURSE files RELATIVE "${root}" "${root}/*.hpp" "${root}/*.cpp" "${root}/*.h" "${root}/*.inl")
    foreach(file IN LISTS files)
        string(REGEX REPLACE "/.*" "" level "${file}")
        if(NOT DEFINED may_${level})
            list(APPEND faults "${file}: not in the folder of a level")
            continue()
        endif()
        file(STRINGS "${root}/${file}" lines REGEX "^[ \t]*#[ \t]*include[ \t]*\"")
        foreach(line IN LISTS lines)
            string(REGEX REPLACE "^[^\"]*\"([^\"]*)\".*" "\\1" target "${line}")
            string(REGEX REPLACE "/.*" "" targetLevel "${target}")
            math(EXPR includes "${includes} + 1")
            if(DEFINED generated_${target})
                if(NOT level IN_LIST generated_${target})
                    list(APPEND faults "${file}: ${level} may not include ${target}")
                endif()
            elseif(target MATCHES "(^|/)\\.\\.?/" OR NOT target MATCHES "/" OR NOT DEFINED may_${targetLevel})
                list(APPEND faults "${file}: \"${target}\" is not written from the runtime root")
            elseif(NOT targetLevel IN_LIST may_${level})
                list(APPEND faults "${file}: ${level} may not include ${target}")
            elseif(NOT EXISTS "${root}/${target}")
                list(APPEND faults "${file}: ${target} does not exist")
            endif()
        endforeach()
    endforeach()
    set(${outFaults} "${faults}" PARENT_SCOPE)
    set(${outIncludes} ${includes} PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${scratch}")
foreach(header base/error vulkan/device io/json kernels/kernel graph/graph modules/module api/handle)
    file(WRITE "${scratch}/${header}.hpp" "#pragma once\n")
endforeach()
file(WRITE "${scratch}/modules/good.cpp" "#include \"io/json.hpp\"\n#include \"graph/graph.hpp\"\n#include <vector>\n")
file(WRITE "${scratch}/kernels/good.cpp" "#include \"shaders.hpp\"\n#include \"vulkan/device.hpp\"\n")
check("${scratch}" faults includes)
if(faults OR NOT includes EQUAL 4)
    message(FATAL_ERROR "the check finds fault with a right tree: ${faults} (${includes} includes)")
endif()
set(planted
    "base/up.hpp|#include \"graph/graph.hpp\""
    "graph/up.cpp|  #  include \"api/handle.hpp\" // far up"
    "vulkan/side.cpp|#include \"io/json.hpp\""
    "io/side.cpp|#include \"vulkan/device.hpp\""
    "io/names.cpp|#include \"shaders.hpp\""
    "api/relative.cpp|#include \"../base/error.hpp\""
    "api/bare.cpp|#include \"handle.hpp\""
    "api/missing.cpp|#include \"base/nothing.hpp\""
    "stray.cpp|int x = 0")
foreach(plant IN LISTS planted)
    string(REGEX MATCH "^([^|]*)\\|(.*)" matched "${plant}")
    set(file "${scratch}/${CMAKE_MATCH_1}")
    set(name "${CMAKE_MATCH_1}")
    file(WRITE "${file}" "${CMAKE_MATCH_2}\n")
    check("${scratch}" faults includes)
    list(LENGTH faults count)
    if(NOT count EQUAL 1 OR NOT faults MATCHES "^${name}: ")
        message(FATAL_ERROR "planted in ${name}, the check should find this one fault, but finds: ${faults}")
    endif()
    file(REMOVE "${file}")
endforeach()
file(REMOVE_RECURSE "${scratch}")

check("${runtime}" faults includes)
if(faults)
    list(JOIN faults "\n  " faults)
    message(FATAL_ERROR "levels:\n  ${faults}")
endif()
message("levels: ${includes} includes, none to a level above")
