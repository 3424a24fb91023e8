// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round robin: the next server after the last used one, around, whose weight is not 0 (ip_vs_rr.c).
 * The cursor is the place after the last used one; 0 is the head of the list.
 */
#include <stdbool.h>
#include "pool.h"

struct rr_scan {
	struct choice *choice;
	__u32 position;
	__u32 found; /* index + 1 */
	__u32 server;
};

static long rr_step(__u32 i, struct rr_scan *scan)
{
	__u32 index = scan->position + i;
	struct pool_entry *entry;

	if (index >= scan->choice->length)
		index -= scan->choice->length;
	entry = pool_at(scan->choice, index);
	if (!entry || entry->weight <= 0)
		return 0;
	scan->found = index + 1;
	scan->server = entry->server;
	return 1;
}

__noinline int sched_rr(struct choice *choice)
{
	struct rr_scan scan = {};
	struct service_state *state;
	__u64 cursor;
	__u32 id;

	if (!choice)
		return -1;
	id = choice->service;
	state = bpf_map_lookup_elem(&states, &id);
	if (!state)
		return -1;
	for (int tries = 0; tries < 4; tries++) {
		cursor = *(volatile __u64 *)&state->cursor;
		scan.choice = choice;
		scan.position = (__u32)cursor < choice->length ? cursor : 0;
		scan.found = 0;
		bpf_loop(choice->length, rr_step, &scan, 0);
		if (!scan.found)
			return -1;
		if (choice->dry || __sync_val_compare_and_swap(&state->cursor, cursor,
							       CURSOR(scan.found, 0)) == cursor)
			break;
	}
	return scan.server;
}
