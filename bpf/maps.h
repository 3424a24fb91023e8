/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All maps: one struct type each, defined once in maps.bpf.c, extern everywhere else. The sizes of
 * the tables that an operator sizes are set before the load (max_entries here is the least).
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "types.h"

#define MMAP_ARRAY(name, rows, row)                \
	struct name##_map {                        \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, rows);         \
		__type(key, __u32);                \
		__type(value, row);                \
	}
#define PERCPU_ARRAY(name, rows, row)                    \
	struct name##_map {                              \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, rows);               \
		__type(key, __u32);                      \
		__type(value, row);                      \
	}

MMAP_ARRAY(conn4, 1024, struct bucket);
MMAP_ARRAY(conn6, 1024, struct bucket);
MMAP_ARRAY(tails, 1024, struct tails); /* as many rows as conn6 */
MMAP_ARRAY(services, 16, struct service);
MMAP_ARRAY(states, 16, struct service_state); /* as many rows as services */
MMAP_ARRAY(pool, 64, struct pool_entry); /* three times as many rows as servers */
MMAP_ARRAY(servers, 16, struct server);
MMAP_ARRAY(loads, 16, struct load);   /* as many rows as servers, like the next three */
PERCPU_ARRAY(traffic, 16, struct counters);
MMAP_ARRAY(estimates, 16, struct rates);
MMAP_ARRAY(baselines, 16, struct counters); /* user space's: what -Z subtracts */
MMAP_ARRAY(departed, 16, struct counters); /* user space's, per service: of removed servers */
MMAP_ARRAY(sources, FILTER_ROWS, struct filter_row); /* VIPs and NAT servers, by source */
MMAP_ARRAY(targets, FILTER_ROWS, struct filter_row); /* VIPs, by destination */
MMAP_ARRAY(hops, HOPS, struct hop);
MMAP_ARRAY(settings, 1, struct settings);
MMAP_ARRAY(clock, 1, struct clock);
PERCPU_ARRAY(outcomes, V_COUNT, __u64);
PERCPU_ARRAY(births, 2, __s64); /* connections born less died, IPv4 and IPv6 */
MMAP_ARRAY(explained, 1, struct explanation);

struct service_ids_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct service_key);
	__type(value, __u32);
};

struct timer_row {
	struct bpf_timer timer;
};
struct timer_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timer_row);
};

#define MAPS(X)        \
	X(conn4)       \
	X(conn6)       \
	X(tails)       \
	X(services)    \
	X(states)      \
	X(pool)        \
	X(servers)     \
	X(loads)       \
	X(traffic)     \
	X(estimates)   \
	X(baselines)   \
	X(departed)    \
	X(sources)     \
	X(targets)     \
	X(hops)        \
	X(settings)    \
	X(clock)       \
	X(outcomes)    \
	X(births)      \
	X(explained)   \
	X(service_ids) \
	X(timer)

#ifndef MAPS_DEFINED_HERE
#define X(name) extern struct name##_map name SEC(".maps");
MAPS(X)
#undef X
extern const volatile struct config config;
#endif
