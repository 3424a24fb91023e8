/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a packet ours at all? Two sets of addresses as bits: what no bit speaks for leaves after one
 * load each. A foreign address that shares a bit costs a look-up and is then found to be foreign.
 */
#pragma once

#include "maps.h"
#include "packet/view.h"

enum ours {
	OURS_REQUEST = 1, /* the destination may be a VIP */
	OURS_REPLY = 2, /* the source may be a VIP or a NAT server */
};

static __always_inline bool filter_has(void *filter, const struct addr *a)
{
	__u32 hash = (a->v6[0] ^ a->v6[1] ^ a->v6[2] ^ a->v6[3]) * 0x9E3779B1u;
	__u32 n = hash >> 20;
	struct filter_row *row = bpf_map_lookup_elem(filter, &n);

	return row && row->bits >> (hash >> 14 & 63) & 1;
}

static __always_inline __u8 filter_ours(const struct packet *pkt)
{
	return (filter_has(&targets, &pkt->dst) ? OURS_REQUEST : 0) |
	       (filter_has(&sources, &pkt->src) ? OURS_REPLY : 0);
}
