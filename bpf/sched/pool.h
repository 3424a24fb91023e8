/* SPDX-License-Identifier: GPL-2.0-only */
/* What schedulers see of a service: its servers, newest first, and where it stands. */
#pragma once

#include "../maps.h"
#include "list.h"

#define POOL_MAX 65536 /* servers that one scan looks at */
#define CURSOR(position, weight) ((__u64)(__u32)(weight) << 32 | (__u32)(position))

static __always_inline struct pool_entry *pool_at(const struct choice *choice, __u32 index)
{
	__u32 row = choice->offset + index;

	if (index >= choice->length)
		return NULL;
	return bpf_map_lookup_elem(&pool, &row);
}
