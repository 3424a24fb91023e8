// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tick: one timer for the whole data plane, every 10 ms, with no process. It writes the coarse
 * clock, ends connections whose time is over, and keeps IPVS's rate averages, a slice at a time,
 * so that every row is seen once a second (averages: once in two) and no tick takes long.
 */
#include "clock.h"
#include "conn.h"

#define CLOCK_MONOTONIC 1
#define LAZY_STAMP TICKS_PER_SECOND /* how much older a last use may look than it is */
#define ESTIMATE_TICKS (2 * TICKS_PER_SECOND)

struct sweep {
	__u32 family;
	__u32 at;
	__u32 tick;
};

static __always_inline bool is_over(__u64 w1, __u64 w2, __u32 tick)
{
	__u32 zero = 0, protocol = W1_PROTOCOL(w1), state = W2_STATE(w2);
	struct settings *set = bpf_map_lookup_elem(&settings, &zero);

	if (!set || state >= STATES)
		return false;
	return (__s32)(tick - W2_TICK(w2)) >=
	       (__s32)(set->timeout[protocol & 3][state & (STATES - 1)] + LAZY_STAMP);
}

static long sweep_bucket(__u32 i, struct sweep *sweep)
{
	__u32 n = sweep->at + i;
	struct bucket *bucket = conn_bucket(sweep->family, n);

	if (!bucket)
		return 1;
	for (int j = 0; j < SLOTS; j++) {
		__u64 w2 = READ(bucket->slot[j].w2);

		if (W2_LIFE(w2) == LIFE_DEAD) {
			if ((__s32)(sweep->tick - W2_TICK(w2)) >= QUARANTINE)
				__sync_val_compare_and_swap(&bucket->slot[j].w2, w2, 0);
			continue;
		}
		if (W2_LIFE(w2) != LIFE_LIVE || !is_over(READ(bucket->slot[j].w1), w2, sweep->tick))
			continue;
		n &= config.bucket_mask[sweep->family == AF_INET6];
		conn_end(sweep->family, n * 8 + j, w2, sweep->tick);
	}
	return 0;
}

static __always_inline void sweep_slice(struct clock *now, __u32 family)
{
	__u32 which = family == AF_INET6;
	__u32 slice = (config.bucket_mask[which] + 1) / TICKS_PER_SECOND + 1;
	struct sweep sweep = { .family = family, .at = now->sweep_at[which], .tick = now->tick };

	bpf_loop(slice, sweep_bucket, &sweep, 0);
	now->sweep_at[which] = (sweep.at + slice) & config.bucket_mask[which];
}

struct cpu_sum {
	__u32 row;
	__s64 births;
	struct counters traffic;
};

static long sum_births(__u32 cpu, struct cpu_sum *sum)
{
	__u32 row = sum->row;
	__s64 *value = bpf_map_lookup_percpu_elem(&births, &row, cpu);

	if (value)
		sum->births += *value;
	return 0;
}

static long sum_traffic(__u32 cpu, struct cpu_sum *sum)
{
	__u32 row = sum->row;
	struct counters *c = bpf_map_lookup_percpu_elem(&traffic, &row, cpu);

	if (!c)
		return 0;
	sum->traffic.connections += c->connections;
	sum->traffic.in_packets += c->in_packets;
	sum->traffic.in_bytes += c->in_bytes;
	sum->traffic.out_packets += c->out_packets;
	sum->traffic.out_bytes += c->out_bytes;
	return 0;
}

static __always_inline void count_living(struct clock *now)
{
	for (__u32 i = 0; i < 2; i++) {
		struct cpu_sum sum = { .row = i };

		bpf_loop(config.cpus, sum_births, &sum, 0);
		now->used[i] = sum.births;
	}
}

/* avg += (rate - avg) >> 2, rate per second of two, scaled by 2^scale (ip_vs_est.c) */
static __always_inline void average(__u64 *avg, __u64 now, __u64 last, int scale)
{
	__s64 rate = (__s64)((now - last) << (scale - 1));

	*avg += (rate - (__s64)*avg) >> 2;
}

static long estimate_server(__u32 i, __u32 *first)
{
	__u32 id = *first + i;
	struct server *server = bpf_map_lookup_elem(&servers, &id);
	struct rates *e = bpf_map_lookup_elem(&estimates, &id);
	struct cpu_sum sum = { .row = id };

	if (!server || !e)
		return 1;
	if (!(server->flags & SERVER_LIVE))
		return 0;
	bpf_loop(config.cpus, sum_traffic, &sum, 0);
	average(&e->connections, sum.traffic.connections, e->last.connections, 10);
	average(&e->in_packets, sum.traffic.in_packets, e->last.in_packets, 10);
	average(&e->out_packets, sum.traffic.out_packets, e->last.out_packets, 10);
	average(&e->in_bytes, sum.traffic.in_bytes, e->last.in_bytes, 5);
	average(&e->out_bytes, sum.traffic.out_bytes, e->last.out_bytes, 5);
	e->last = sum.traffic;
	return 0;
}

static __always_inline void estimate_slice(struct clock *now)
{
	__u32 slice = config.servers / ESTIMATE_TICKS + 1;
	__u32 first = now->estimate_at * slice;

	if (first < config.servers)
		bpf_loop(slice, estimate_server, &first, 0);
	now->estimate_at = (now->estimate_at + 1) % ESTIMATE_TICKS;
}

static __always_inline void tick_work(struct clock *now)
{
	sweep_slice(now, AF_INET);
	sweep_slice(now, AF_INET6);
	count_living(now);
	estimate_slice(now);
}

static int on_tick(void *map, __u32 *key, struct timer_row *row)
{
	struct clock *now = clock_row();
	__u64 start = bpf_ktime_get_ns(), spent;

	if (now) {
		now->ns = start;
		now->tick = start / TICK_NS;
		now->version = config.version;
		now->ticks++;
		tick_work(now);
		spent = bpf_ktime_get_ns() - start;
		if (spent > now->worst_ns)
			now->worst_ns = spent;
	}
	bpf_timer_start(&row->timer, TICK_NS, 0);
	return 0;
}

struct tick_start_ctx {
	__s32 result;
};

/* Starts the tick, or hands it over to this version of the program (init then answers EBUSY). */
SEC("syscall")
int tick_start(struct tick_start_ctx *ctx)
{
	struct clock *now = clock_row();
	struct timer_row *row;
	__u32 zero = 0;

	row = bpf_map_lookup_elem(&timer, &zero);
	if (!row || !now)
		return -1;
	now->ns = bpf_ktime_get_ns();
	now->tick = now->ns / TICK_NS;
	bpf_timer_init(&row->timer, &timer, CLOCK_MONOTONIC);
	ctx->result = bpf_timer_set_callback(&row->timer, on_tick);
	if (!ctx->result)
		ctx->result = bpf_timer_start(&row->timer, 0, 0);
	return ctx->result;
}
