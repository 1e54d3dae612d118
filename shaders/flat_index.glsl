// The item of an invocation where items have one flat index that runs over x, then y of the grid (runtime/kernels/
// flat_grid.hpp). Items past the last one occur; callers check.
uint flatIndex() {
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
}
