# SPDX-License-Identifier: Apache-2.0
# What the build needs from outside. The library: the Vulkan headers (Vulkan itself is loaded through the caller's
# vkGetInstanceProcAddr). Programs and tests: the loader and small libraries.

find_package(Vulkan QUIET)
if(NOT Vulkan_INCLUDE_DIR)
    message(FATAL_ERROR "Vulkan headers not found (Debian, Ubuntu: libvulkan-dev)")
endif()
if(NOT TARGET Vulkan::Headers)
    add_library(Vulkan::Headers INTERFACE IMPORTED)
    target_include_directories(Vulkan::Headers INTERFACE "${Vulkan_INCLUDE_DIR}")
endif()

if((SACCADE_BUILD_TESTS OR SACCADE_BUILD_TOOLS OR SACCADE_BUILD_BENCH OR SACCADE_BUILD_SAMPLES) AND NOT TARGET Vulkan::Vulkan)
    message(FATAL_ERROR "The Vulkan loader was not found (Debian, Ubuntu: libvulkan-dev)")
endif()

if(SACCADE_BUILD_TESTS OR SACCADE_BUILD_TOOLS OR SACCADE_BUILD_BENCH OR SACCADE_FUZZ)
    find_package(nlohmann_json 3.9 QUIET)
    if(NOT nlohmann_json_FOUND)
        message(FATAL_ERROR "nlohmann-json 3.9 or newer not found (Debian, Ubuntu: nlohmann-json3-dev), or set "
            "SACCADE_BUILD_TESTS, SACCADE_BUILD_TOOLS, SACCADE_BUILD_BENCH and SACCADE_FUZZ to OFF")
    endif()
endif()

if(SACCADE_BUILD_TESTS)
    find_package(GTest QUIET)
    if(NOT GTest_FOUND)
        message(FATAL_ERROR "GoogleTest not found (Debian, Ubuntu: libgtest-dev), or set SACCADE_BUILD_TESTS=OFF")
    endif()
endif()

if(SACCADE_BUILD_TESTS OR SACCADE_BUILD_SAMPLES)
    find_path(SACCADE_GLM_INCLUDE_DIR glm/glm.hpp)
    mark_as_advanced(SACCADE_GLM_INCLUDE_DIR)
    if(NOT SACCADE_GLM_INCLUDE_DIR)
        message(FATAL_ERROR "glm not found (Debian, Ubuntu: libglm-dev), or set SACCADE_BUILD_TESTS and SACCADE_BUILD_SAMPLES to OFF")
    endif()
    # By header, not by glm's package: its target's name differs between the versions distributions ship.
    add_library(saccade_glm INTERFACE)
    target_include_directories(saccade_glm SYSTEM INTERFACE "${SACCADE_GLM_INCLUDE_DIR}")
endif()

if(SACCADE_BUILD_SAMPLES)
    find_path(SACCADE_STB_INCLUDE_DIR stb_image_write.h PATH_SUFFIXES stb)
    mark_as_advanced(SACCADE_STB_INCLUDE_DIR)
    if(NOT SACCADE_STB_INCLUDE_DIR)
        message(FATAL_ERROR "stb_image_write.h not found (Debian, Ubuntu: libstb-dev), or set SACCADE_BUILD_SAMPLES=OFF")
    endif()
    add_library(saccade_stb INTERFACE)
    target_include_directories(saccade_stb SYSTEM INTERFACE "${SACCADE_STB_INCLUDE_DIR}")

    # For the samples' windows; without it they build without.
    find_package(glfw3 3.3 QUIET)
    set(SACCADE_GLFW "${glfw3_FOUND}")
    if(NOT SACCADE_GLFW)
        message(STATUS "Samples without a window: GLFW 3.3 or newer not found (Debian, Ubuntu: libglfw3-dev)")
    endif()

    # For the sample placebo.
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(libplacebo QUIET IMPORTED_TARGET "libplacebo>=4.208" "libplacebo<8")
    endif()
    if(NOT TARGET PkgConfig::libplacebo)
        message(STATUS "Samples without placebo: libplacebo 4.208 to 7 not found (Debian, Ubuntu: libplacebo-dev)")
    endif()
endif()

if(SACCADE_BUILD_TOOLS)
    find_package(CLI11 QUIET)
    if(NOT CLI11_FOUND)
        message(FATAL_ERROR "CLI11 not found (Debian, Ubuntu: libcli11-dev), or set SACCADE_BUILD_TOOLS=OFF")
    endif()
endif()
