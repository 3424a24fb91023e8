// SPDX-License-Identifier: GPL-2.0-only
/* Least connections: every server counts alike (ip_vs_lc.c). */
#include "least.h"

__noinline int sched_lc(struct choice *choice)
{
	if (!choice)
		return -1;
	return least_loaded(choice, false);
}
