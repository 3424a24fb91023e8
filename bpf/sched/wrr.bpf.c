// SPDX-License-Identifier: GPL-2.0-only
/*
 * Weighted round robin, interleaved (ip_vs_wrr.c): from the last used server on, the first whose
 * weight reaches the current weight cw; at the end of the list cw falls by the weights' gcd, and
 * below 1 it starts again at mw. cw never exceeds the greatest weight, so one turn after the
 * present one always finds a server: two lengths of the list are enough.
 */
#include <stdbool.h>
#include "pool.h"

struct wrr_scan {
	struct choice *choice;
	__u32 position; /* next index to look at */
	__s32 current;
	__u32 found; /* index + 1 */
	__u32 server;
};

static long wrr_step(__u32 i, struct wrr_scan *scan)
{
	struct pool_entry *entry;

	if (scan->position >= scan->choice->length) {
		scan->position = 0;
		scan->current -= (__s32)scan->choice->wrr_gcd;
		if (scan->current <= 0)
			scan->current = (__s32)scan->choice->wrr_max;
	}
	entry = pool_at(scan->choice, scan->position++);
	if (!entry || entry->weight < scan->current || entry->weight <= 0)
		return 0;
	scan->found = scan->position;
	scan->server = entry->server;
	return 1;
}

__noinline int sched_wrr(struct choice *choice)
{
	struct wrr_scan scan = {};
	struct service_state *state;
	__u64 cursor;
	__u32 id;

	if (!choice || !choice->wrr_max)
		return -1;
	id = choice->service;
	state = bpf_map_lookup_elem(&states, &id);
	if (!state)
		return -1;
	for (int tries = 0; tries < 4; tries++) {
		cursor = *(volatile __u64 *)&state->cursor;
		scan.choice = choice;
		scan.position = (__u32)cursor;
		scan.current = cursor >> 32;
		scan.found = 0;
		bpf_loop(2 * choice->length + 1, wrr_step, &scan, 0);
		if (!scan.found)
			return -1;
		if (choice->dry ||
		    __sync_val_compare_and_swap(&state->cursor, cursor,
						CURSOR(scan.found, scan.current)) == cursor)
			break;
	}
	return scan.server;
}
