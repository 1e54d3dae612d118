// SPDX-License-Identifier: Apache-2.0
// The item of an invocation where items have one flat index that runs over x, then y of the grid (runtime/kernels/
// kernel.hpp). Items past the last one occur; callers check. Included after the workgroup's size is declared, which
// gl_WorkGroupSize would otherwise take for 1.
uint flatIndex() {
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
}
