/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incremental internet checksums (RFC 1624, eqn. 3): HC' = ~(~HC + ~m + m').
 * A `delta` is the one's complement sum of what came less what went, not folded.
 */
#pragma once

#include "view.h"

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline __u64 csum_delta16(__be16 from, __be16 to)
{
	return (__u64)(__u16)~from + to;
}

static __always_inline __u64 csum_delta32(__be32 from, __be32 to)
{
	return (__u64)(__u32)~from + to;
}

static __always_inline __u64 csum_delta_addr(const struct addr *from, const struct addr *to,
					     __u8 family)
{
	__u64 sum = csum_delta32(from->v6[0], to->v6[0]);

	if (family == AF_INET6) {
		sum += csum_delta32(from->v6[1], to->v6[1]);
		sum += csum_delta32(from->v6[2], to->v6[2]);
		sum += csum_delta32(from->v6[3], to->v6[3]);
	}
	return sum;
}

static __always_inline void csum_apply(__sum16 *check, __u64 delta)
{
	*check = ~csum_fold((__u64)(__u16) ~*check + delta);
}

/* UDP: 0 means none was computed and stays, a computed 0 is sent as 0xffff (RFC 768) */
static __always_inline void csum_apply_udp(__sum16 *check, __u64 delta)
{
	if (!*check)
		return;
	csum_apply(check, delta);
	if (!*check)
		*check = 0xffff;
}
