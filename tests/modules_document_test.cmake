# SPDX-License-Identifier: Apache-2.0
# docs/modules.md is what `saccade modules --markdown` prints.
cmake_minimum_required(VERSION 3.22)

execute_process(COMMAND "${program}" modules --markdown OUTPUT_VARIABLE printed RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT printed MATCHES "## DeformableAttention2D")
    message(FATAL_ERROR "${program} modules --markdown: exit code ${result}")
endif()
file(READ "${document}" written)
if(NOT printed STREQUAL written)
    message(FATAL_ERROR "${document} is not what the library says of its modules; run\n"
        "  ${program} modules --markdown > ${document}")
endif()
