// SPDX-License-Identifier: Apache-2.0
// The end of a short loop that a parameter bounds. Where Mesa's CPU driver can unroll such a loop by the parameter's
// value, it does so for every dispatch anew, which takes milliseconds. So the value must not be one that it knows.
uint loopEnd(uint n) { return n + (gl_WorkGroupID.z >> 31); } // adds 0
uvec3 loopEnd(uvec3 n) { return n + (gl_WorkGroupID.zzz >> 31); }
