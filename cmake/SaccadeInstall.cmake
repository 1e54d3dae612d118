# SPDX-License-Identifier: Apache-2.0
# Install and export: find_package(saccade) and pkg-config --libs saccade.
include(CMakePackageConfigHelpers)

install(TARGETS saccade EXPORT saccadeTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT library
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT library
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT library)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/saccade" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    COMPONENT library FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

set(pcDefines "")
if(BUILD_SHARED_LIBS)
    set(pcDefines " -DSACCADE_SHARED")
endif()

set(packageDir "${CMAKE_INSTALL_LIBDIR}/cmake/saccade")
install(EXPORT saccadeTargets NAMESPACE saccade:: DESTINATION "${packageDir}" COMPONENT library)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/saccadeConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/saccadeConfig.cmake" INSTALL_DESTINATION "${packageDir}")
# Below 1.0 a minor version may break its callers.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/saccadeConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/saccadeConfig.cmake" "${PROJECT_BINARY_DIR}/saccadeConfigVersion.cmake"
    DESTINATION "${packageDir}" COMPONENT library)

list(TRANSFORM SACCADE_CXX_RUNTIME PREPEND " -l" OUTPUT_VARIABLE pcCxxRuntime)
list(JOIN pcCxxRuntime "" pcCxxRuntime)
# The library folder may be lib/x86_64-linux-gnu, so the way up to the prefix is computed.
file(RELATIVE_PATH pcPrefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/saccade.pc.in" "${PROJECT_BINARY_DIR}/saccade.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/saccade.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT library)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT library)
