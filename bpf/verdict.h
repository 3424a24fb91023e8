/* SPDX-License-Identifier: GPL-2.0-only */
/* The only place that turns an outcome into an XDP code, and the only one that counts it. */
#pragma once

#include "maps.h"
#include "packet/view.h"

static __always_inline int finish(struct packet *pkt, enum verdict v)
{
	__u32 row = v;
	__u64 *count = bpf_map_lookup_elem(&outcomes, &row);

	if (count)
		(*count)++;
	if (v < V_TX_NAT)
		return XDP_PASS;
	if (v < V_DROP_TABLE_FULL)
		return pkt->action;
	return XDP_DROP;
}
