// SPDX-License-Identifier: GPL-2.0-only
/* The product's tick without its timer: a test says how often, and the clock is the test's. */
#include "../../bpf/tick.bpf.c"

struct tick_by_hand_ctx {
	__u32 times;
};

static long one_tick(__u32 i, void *unused)
{
	struct clock *now = clock_row();

	if (!now)
		return 1;
	now->tick++;
	tick_work(now);
	return 0;
}

SEC("syscall")
int tick_by_hand(struct tick_by_hand_ctx *ctx)
{
	bpf_loop(ctx->times, one_tick, NULL, 0);
	return 0;
}
