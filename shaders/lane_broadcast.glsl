// SPDX-License-Identifier: Apache-2.0
// With LANE_BROADCAST a workgroup is one subgroup. Instead of all lanes reading the same elements, each reads one and
// hands it round, which on CPU drivers, where a buffer read is a scalar read per lane, replaces as many reads by one.
#ifdef LANE_BROADCAST
#extension GL_KHR_shader_subgroup_shuffle : require
const bool laneBroadcast = true;
#define FROM_LANE(value, index) subgroupShuffle(value, index)
#else
const bool laneBroadcast = false;
#define FROM_LANE(value, index) (value)
#endif
