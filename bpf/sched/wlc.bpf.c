// SPDX-License-Identifier: GPL-2.0-only
/* Weighted least connections (ip_vs_wlc.c). */
#include "least.h"

__noinline int sched_wlc(struct choice *choice)
{
	if (!choice)
		return -1;
	return least_loaded(choice, true);
}
