/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scan that lc and wlc share: the least overhead / weight, where an active connection costs
 * 257 and an inactive one 1 (ip_vs_dest_conn_overhead). Cross products instead of divisions;
 * strictly less, so the first in the list wins a tie.
 */
#pragma once

#include <stdbool.h>
#include "pool.h"

struct least_scan {
	struct choice *choice;
	bool weighted;
	__s64 overhead;
	__s64 weight;
	__s64 server; /* -1: none yet */
};

static long least_step(__u32 i, struct least_scan *scan)
{
	struct pool_entry *entry = pool_at(scan->choice, i);
	__s64 overhead, weight;
	struct load *load;
	__u32 id;

	if (!entry || entry->weight <= 0)
		return 0;
	id = entry->server;
	load = bpf_map_lookup_elem(&loads, &id);
	if (!load)
		return 0;
	overhead = ((__s64)load->active << 8) + load->active + load->inactive;
	weight = scan->weighted ? entry->weight : 1;
	if (scan->server >= 0 && scan->overhead * weight <= overhead * scan->weight)
		return 0;
	scan->overhead = overhead;
	scan->weight = weight;
	scan->server = id;
	return 0;
}

static __always_inline int least_loaded(struct choice *choice, bool weighted)
{
	struct least_scan scan = { .choice = choice, .weighted = weighted, .server = -1 };

	bpf_loop(choice->length, least_step, &scan, 0);
	return scan.server;
}
