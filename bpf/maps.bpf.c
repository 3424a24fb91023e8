// SPDX-License-Identifier: GPL-2.0-only
/* The one definition of every map and constant that maps.h declares. */
#define MAPS_DEFINED_HERE
#include "maps.h"
#include "sched/list.h"

#define X(name) struct name##_map name SEC(".maps");
MAPS(X)
#undef X

const volatile struct config config SEC(".rodata") = {
	.bucket_mask = { 1023, 1023 },
	.connections = { 2560, 2560 },
	.cpus = 1,
	.servers = 16,
	.version = 1,
};

/* Types that no map, function or variable names by value are not in the BTF; name them here. */
union layouts {
	enum verdict verdict;
	enum method method;
	enum service_flags service_flags;
	enum server_flags server_flags;
	enum conn_protocol conn_protocol;
	enum conn_life conn_life;
	enum conn_flags conn_flags;
	enum tcp_state tcp_state;
	enum scheduler scheduler;
	struct handover handover;
};
const volatile union layouts layouts SEC(".rodata") = {};

SEC("license")
char LICENSE[] = "GPL";
