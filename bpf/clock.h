/* SPDX-License-Identifier: GPL-2.0-only */
/* The coarse clock that tick.bpf.c writes: one load instead of a helper of 34 ns. */
#pragma once

#include "maps.h"

static __always_inline struct clock *clock_row(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&clock, &zero);
}
