// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds, opens, moves and ends connections of a few clients as fast as it can, through conn.h
 * alone: run on several CPUs at once, so that they meet on the same keys.
 */
#include "../../bpf/conn.h"
#include "../../bpf/clock.h"

struct stress_ctx {
	__u32 family;
	__u32 keys; /* how many clients */
	__u32 times;
	__u32 random;
	__u32 born; /* out: what this run did */
	__u32 ended;
	__u32 moved;
	__u32 races;
	__u32 full;
};

struct stress_run {
	struct stress_ctx c;
	__u32 tick;
};

static __always_inline __u32 next_random(struct stress_run *run)
{
	__u32 x = run->c.random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	run->c.random = x;
	return x;
}

static __always_inline void fill(struct conn_key *key, struct stress_run *run, __u32 client)
{
	struct packet pkt = { .family = run->c.family, .protocol = IPPROTO_UDP };

	pkt.src.v6[0] = bpf_htonl(0x0a090000);
	pkt.dst.v6[0] = bpf_htonl(0x0a000001);
	pkt.sport = bpf_htons(1024 + client);
	pkt.dport = bpf_htons(53);
	conn_key_request(key, &pkt);
}

static __always_inline void touch(struct stress_run *run, int number)
{
	struct slot *slot = conn_slot(run->c.family, number);
	__u64 w1, w2;
	__u32 flags;

	if (!slot)
		return;
	w1 = READ(slot->w1);
	w2 = READ(slot->w2);
	if (W2_LIFE(w2) != LIFE_LIVE)
		return;
	flags = W2_FLAGS(w2) ^ CONN_INACTIVE;
	switch (next_random(run) & 7) {
	case 0:
	case 1:
	case 2:
		run->c.ended += conn_end(run->c.family, number, w2, run->tick);
		break;
	case 3:
		/* the lazy stamp of a hit, which no swap guards */
		*(volatile __u32 *)&slot->w2 = run->tick;
		break;
	default:
		run->c.moved +=
			conn_move(slot, w1, w2, W2(0, flags, W2_STATE(w2), LIFE_LIVE, run->tick));
	}
}

static long stress_step(__u32 i, struct stress_run *run)
{
	struct conn_birth birth = { .method = METHOD_DR, .tick = run->tick };
	__u32 client = next_random(run) % (run->c.keys | 1);
	struct conn_key key = {};
	int number;

	fill(&key, run, client);
	number = conn_find(&key);
	if (number >= 0) {
		touch(run, number);
		return 0;
	}
	birth.server = client % 4;
	birth.flags = next_random(run) & CONN_INACTIVE;
	number = conn_insert(&key, &birth);
	if (number >= 0)
		run->c.born++;
	else if (number == CONN_FULL)
		run->c.full++;
	else
		run->c.races++;
	return 0;
}

SEC("syscall")
int stress(struct stress_ctx *ctx)
{
	struct clock *now = clock_row();
	struct stress_run run = {};

	if (!now)
		return -1;
	run.c.family = ctx->family;
	run.c.keys = ctx->keys;
	run.c.random = ctx->random;
	run.tick = now->tick;
	bpf_loop(ctx->times, stress_step, &run, 0);
	ctx->born = run.c.born;
	ctx->ended = run.c.ended;
	ctx->moved = run.c.moved;
	ctx->races = run.c.races;
	ctx->full = run.c.full;
	return 0;
}
