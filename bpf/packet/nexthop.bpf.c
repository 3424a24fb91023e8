// SPDX-License-Identifier: GPL-2.0-only
/* Routes and neighbours of the kernel to interned ways; see nexthop.h. */
#include "nexthop.h"

#define PROBES 8 /* rows tried for one way */
#define HOP_IDLE (60 * TICKS_PER_SECOND) /* after this a row may be taken by another way */

/* Routes by one router may differ in their MTU, so that is a part of the way; 0: a dead row. */
static __always_inline bool same_way(const struct hop *hop, const struct way *way)
{
	return hop->ifindex == way->ifindex && (hop->mtu == way->mtu || !hop->mtu) &&
	       !__builtin_memcmp(hop->macs, way->macs, sizeof(hop->macs));
}

/*
 * The row of a way, made if need be. Rows are used by nobody HOP_IDLE after their last use: who
 * holds a number looks the way up again when its own look-up is older (conn.h, CONN_HOP_STALE).
 */
static __always_inline __u32 intern(struct addr *to, __u32 family, __u32 tick, struct way *way,
				    const struct addr *next)
{
	__u32 hash =
		(*(__u32 *)way->macs ^ *(__u32 *)(way->macs + 4) ^ way->ifindex * 0x85ebca6bu) *
			0x9e3779b1u >>
		16;

	for (__u32 i = 0; i < PROBES; i++) {
		__u32 row = (hash + i) & (HOPS - 1);
		struct hop *hop = bpf_map_lookup_elem(&hops, &row);
		__u32 claim;

		if (!hop || !row)
			continue;
		if (same_way(hop, way)) {
			hop->mtu = way->mtu;
			hop->used = tick;
			return row;
		}
		if (hop->ifindex && tick - hop->used < HOP_IDLE)
			continue;
		claim = hop->claim;
		if (__sync_val_compare_and_swap(&hop->claim, claim, tick | 1) != claim)
			continue;
		hop->mtu = 0;
		hop->ifindex = way->ifindex;
		__builtin_memcpy(hop->macs, way->macs, sizeof(hop->macs));
		hop->probe = *to;
		hop->family = family;
		hop->next = *next;
		hop->next_family = way->family;
		hop->checked = tick;
		hop->used = tick;
		hop->mtu = way->mtu;
		return row;
	}
	return 0;
}

/* Without a neighbour the kernel leaves the MTU unsaid: the device's then. */
static __always_inline __u32 way_mtu(struct xdp_md *ctx, struct bpf_fib_lookup *fib, bool known)
{
	__u32 mtu = 0;

	if (known)
		return fib->mtu_result;
	if (bpf_check_mtu(ctx, fib->ifindex, &mtu, 0, 0) < 0)
		return ETH_DATA_LEN;
	return mtu;
}

__noinline int way_lookup(struct xdp_md *ctx, struct addr *to, __u32 family, __u32 tick,
			  struct way *way)
{
	struct bpf_fib_lookup fib = {};
	long rc;

	if (!to || !way)
		return -1;
	fib.family = family;
	fib.ifindex = LOOPBACK_IFINDEX;
	fib.tot_len = 1; /* any length makes the kernel tell the MTU */
	__builtin_memcpy(fib.ipv6_dst, to, sizeof(fib.ipv6_dst));
	rc = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	way->hop = 0;
	way->kind = rc == BPF_FIB_LKUP_RET_SUCCESS   ? WAY_HOP :
		    rc == BPF_FIB_LKUP_RET_NO_NEIGH  ? WAY_NEIGHBOUR :
		    rc == BPF_FIB_LKUP_RET_NOT_FWDED ? WAY_LOCAL :
						       WAY_NONE;
	if (way->kind != WAY_HOP && way->kind != WAY_NEIGHBOUR)
		return 0;
	way->ifindex = fib.ifindex;
	way->family = fib.family;
	way->mtu = way_mtu(ctx, &fib, way->kind == WAY_HOP);
	if (way->kind == WAY_NEIGHBOUR) {
		__builtin_memcpy(way->next, fib.ipv6_dst, sizeof(way->next));
		return 0;
	}
	__builtin_memcpy(way->macs, fib.dmac, 6);
	__builtin_memcpy(way->macs + 6, fib.smac, 6);
	if (!way->dry)
		way->hop = intern(to, family, tick, way, (struct addr *)fib.ipv6_dst);
	return 0;
}
