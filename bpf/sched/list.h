/* SPDX-License-Identifier: GPL-2.0-only */
/* The schedulers: one line here, one file beside this one. Order is part of the pinned state. */
#pragma once

#define SCHEDULERS(X) X(rr) X(wrr) X(lc) X(wlc)

enum scheduler {
#define X(name) SCHED_##name,
	SCHEDULERS(X)
#undef X
		SCHED_COUNT,
};

/* What a scheduler is given; `service` is the id, the pool is [offset, offset + length). */
struct choice {
	__u32 service;
	__u32 offset;
	__u32 length;
	__u32 wrr_max;
	__u32 wrr_gcd;
	__u32 dry;
};

/* Each returns the server's id, or -1 when no server can take the connection. */
#define X(name) int sched_##name(struct choice *choice);
SCHEDULERS(X)
#undef X
