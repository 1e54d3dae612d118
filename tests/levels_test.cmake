# SPDX-License-Identifier: Apache-2.0
# No file of a level includes one of a level above it. A level may include those listed for it below; io, at the side, is
# for modules and api. Vulkan begins at vulkan/ and record/: kernels, graph and modules name none of its handles,
# formats or functions.
# The check first has to find faults planted in a tree of its own; a check that never fails proves nothing.
cmake_minimum_required(VERSION 3.22)

set(may_base base)
set(may_io io base)
set(may_spirv spirv base)
set(may_kernels kernels base)
set(may_graph graph kernels base)
set(may_modules modules graph kernels base io)
set(may_vulkan vulkan base)
set(may_record record spirv vulkan graph kernels base)
set(may_api api modules record spirv vulkan graph kernels base io)
# Generated from shaders/variants.txt, names the variants.
set(generated_shaders.hpp kernels record)
# In these levels the engine's Vulkan objects do not exist. Limits and flags, as in a device's profile, may.
set(withoutVulkan io spirv kernels graph modules)
set(handles "Instance|PhysicalDevice|Device|Queue|CommandBuffer|CommandPool|DeviceMemory|Buffer|BufferView|Image|ImageView")
string(APPEND handles "|Sampler|ShaderModule|Pipeline[A-Za-z]*|Descriptor[A-Za-z]*|QueryPool|Fence|Semaphore|Event")
set(vulkanName "(^|[^A-Za-z0-9_])(Vk(${handles}|Format|ImageLayout)|VK_FORMAT_[A-Z0-9_]*|(PFN_)?vk[A-Z][A-Za-z0-9]*)")
string(APPEND vulkanName "($|[^A-Za-z0-9_])")

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
            elseif(target MATCHES "^parameters/") # of shaders/
                if(NOT level STREQUAL kernels)
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
        if(level IN_LIST withoutVulkan)
            file(STRINGS "${root}/${file}" lines REGEX "${vulkanName}")
            foreach(line IN LISTS lines)
                string(REGEX MATCH "${vulkanName}" matched "${line}")
                list(APPEND faults "${file}: ${level} may not name ${CMAKE_MATCH_2}")
            endforeach()
        endif()
    endforeach()
    set(${outFaults} "${faults}" PARENT_SCOPE)
    set(${outIncludes} ${includes} PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${scratch}")
foreach(header base/error vulkan/device io/json kernels/kernel graph/graph modules/module record/program api/handle)
    file(WRITE "${scratch}/${header}.hpp" "#pragma once\n")
endforeach()
file(WRITE "${scratch}/modules/good.cpp" "#include \"io/json.hpp\"\n#include \"graph/graph.hpp\"\n#include <vector>\n")
file(WRITE "${scratch}/kernels/good.cpp" "#include \"shaders.hpp\"\nVkBool32 f(VkSubgroupFeatureFlags flags)\n")
file(WRITE "${scratch}/record/good.cpp" "#include \"vulkan/device.hpp\"\n#include \"graph/graph.hpp\"\nVkBuffer buffer\n")
check("${scratch}" faults includes)
if(faults OR NOT includes EQUAL 5)
    message(FATAL_ERROR "the check finds fault with a right tree: ${faults} (${includes} includes)")
endif()
set(planted
    "base/up.hpp|#include \"graph/graph.hpp\""
    "graph/up.cpp|  #  include \"api/handle.hpp\" // far up"
    "vulkan/side.cpp|#include \"io/json.hpp\""
    "vulkan/up.cpp|#include \"kernels/kernel.hpp\""
    "vulkan/names.cpp|#include \"shaders.hpp\""
    "graph/parameters.hpp|#include \"parameters/gemm.h\""
    "kernels/device.hpp|#include \"vulkan/device.hpp\""
    "graph/record.cpp|#include \"record/program.hpp\""
    "modules/record.cpp|#include \"record/program.hpp\""
    "record/up.cpp|#include \"modules/module.hpp\""
    "graph/handle.hpp|    VkBuffer buffer = nullptr"
    "kernels/call.cpp|device.vkCmdDispatch(commandBuffer, 1, 1, 1)"
    "modules/format.hpp|ImageRequest(VkFormat format)"
    "modules/format.cpp|return VK_FORMAT_R8_UNORM"
    "modules/comment.hpp|// made of one VkPipeline"
    "kernels/function.hpp|PFN_vkCmdDispatch dispatch"
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
