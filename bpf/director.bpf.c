// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP: a packet's walk through the director. walk() is the table of contents; everything else
 * in this file is a stage of it. A stage returns V_CONTINUE or the packet's verdict; one of the
 * ICMP verdicts is a wish that judge() carries out.
 */
#include "clock.h"
#include "conn.h"
#include "filter.h"
#include "forward/forward.h"
#include "packet/icmp.h"
#include "packet/parse.h"
#include "related.h"
#include "sched/list.h"
#include "service.h"
#include "stats.h"
#include "tcp_state.h"
#include "verdict.h"

#define HOP_STALE_BITS 10 /* about 10 s: how often a connection looks its way back up again */

/* What a packet means to its connection. */
struct hit {
	struct slot *slot;
	__u64 w0;
	__u64 w1;
	__u64 w2;
	__u32 number;
	__u32 tick;
};

static __always_inline bool hit_load(struct hit *hit, __u32 family, int number, __u32 tick)
{
	hit->slot = conn_slot(family, number);
	if (!hit->slot)
		return false;
	hit->number = number;
	hit->tick = tick;
	hit->w0 = READ(hit->slot->w0);
	hit->w1 = READ(hit->slot->w1);
	hit->w2 = READ(hit->slot->w2);
	return W2_LIFE(hit->w2) == LIFE_LIVE;
}

static __always_inline __u32 next_state(const struct packet *pkt, __u32 state, __u32 flags,
					enum direction dir)
{
	if (pkt->protocol != IPPROTO_TCP)
		return state;
	if (dir == DIR_REQUEST && flags & CONN_NOOUTPUT)
		dir = DIR_REQUEST_ONLY;
	return tcp_next(dir, pkt->tcp_flags, state);
}

/* w2 after this packet: state, flags, time. */
static __always_inline __u64 hit_next(const struct hit *hit, const struct packet *pkt,
				      enum direction dir)
{
	__u32 flags = W2_FLAGS(hit->w2);
	__u32 state = next_state(pkt, W2_STATE(hit->w2), flags, dir);

	if (pkt->protocol == IPPROTO_TCP)
		flags = tcp_active(state) ? flags & ~CONN_INACTIVE : flags | CONN_INACTIVE;
	if (dir == DIR_REPLY)
		flags &= ~CONN_NOOUTPUT;
	if ((W2_TICK(hit->w2) ^ hit->tick) >> HOP_STALE_BITS)
		flags |= CONN_HOP_STALE;
	return W2(W2_HOP(hit->w2), flags, state, LIFE_LIVE, hit->tick);
}

/*
 * The connection has seen this packet. Most change nothing but the time, and that is written once
 * a second only. Who loses a swap to the other direction tries again on what that left: a lost
 * RST would be an established connection for a quarter of an hour.
 */
static __always_inline void hit_update(struct hit *hit, const struct packet *pkt,
				       enum direction dir)
{
	if (pkt->dry)
		return;
	for (int tries = 0; tries < 3; tries++) {
		__u64 next = hit_next(hit, pkt, dir);

		if (!((next ^ hit->w2) >> 32)) {
			if (hit->tick - W2_TICK(hit->w2) >= TICKS_PER_SECOND)
				*(volatile __u32 *)&hit->slot->w2 = hit->tick;
			return;
		}
		if (conn_move(hit->slot, hit->w1, hit->w2, next)) {
			hit->w2 = next;
			return;
		}
		hit->w2 = READ(hit->slot->w2);
		if (W2_LIFE(hit->w2) != LIFE_LIVE)
			return;
	}
}

/* Can the packet go this way, `overhead` bytes longer? V_CONTINUE, or what becomes of it. */
static __always_inline enum verdict passable(struct packet *pkt, const struct way *way,
					     __u32 overhead)
{
	if (way->kind == WAY_NONE || way->kind == WAY_LOCAL)
		return V_TX_HOST_UNREACHABLE;
	pkt->mtu = way->mtu - overhead;
	if (pkt->length <= pkt->mtu)
		return V_CONTINUE;
	return pkt->dont_fragment ? V_TX_TOO_BIG : V_DROP_TOO_BIG;
}

/* To the real server, by the method that the connection was made with. */
static __always_inline enum verdict to_server(struct xdp_md *ctx, struct packet *pkt,
					      struct server *server, __u32 method, __u32 tick)
{
	struct way way = { .dry = pkt->dry };
	enum verdict v;

	if (server->flags & SERVER_LOCAL)
		return method == METHOD_NAT ? V_DROP_UNSUPPORTED : V_PASS_LOCAL_SERVER;
	if (pkt->ttl <= 1)
		return V_TX_TIME_EXCEEDED;
	way_to_server(ctx, server, tick, &way);
	v = passable(pkt, &way, method == METHOD_TUN ? ip_header_size(pkt) : 0);
	if (v)
		return v;
	switch (method) {
	case METHOD_NAT:
		return forward_nat(ctx, pkt, server, &way);
	case METHOD_DR:
		return forward_dr(ctx, pkt, server, &way);
	case METHOD_TUN:
		return forward_tun(ctx, pkt, server, &way);
	default:
		return V_DROP_UNSUPPORTED;
	}
}

/* A request of a known connection. V_CONTINUE: the port is used again, schedule anew. */
static __always_inline enum verdict known_request(struct xdp_md *ctx, struct packet *pkt,
						  int number, __u32 tick)
{
	struct hit hit;
	struct server *server;
	__u32 id, state;

	if (!hit_load(&hit, pkt->family, number, tick))
		return V_CONTINUE;
	id = W1_SERVER(hit.w1);
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server)
		return V_DROP_INTERNAL;
	pkt->server = id + 1;
	pkt->service = server->service + 1;
	state = W2_STATE(hit.w2);
	/* conn_reuse_mode 1 (ip_vs_core.c, is_new_conn_expected) comes before the server's absence */
	if (pkt->tcp_flags & TCP_SYN && pkt->protocol == IPPROTO_TCP &&
	    (state == TCP_S_TIME_WAIT || state == TCP_S_CLOSE)) {
		if (!pkt->dry)
			conn_end(pkt->family, hit.number, hit.w2, tick);
		return V_CONTINUE;
	}
	pkt->known = 1;
	if (!(server->flags & SERVER_AVAILABLE))
		return V_DROP_SERVER_GONE;
	hit_update(&hit, pkt, DIR_REQUEST);
	if (!pkt->dry)
		stats_request(id, pkt, false);
	return to_server(ctx, pkt, server, W1_METHOD(hit.w1), tick);
}

/* The way back to the client: the connection's, or a new one when that is missing or stale. */
static __always_inline void way_back(struct xdp_md *ctx, struct packet *pkt, struct hit *hit,
				     struct way *way)
{
	__u32 row = W2_HOP(hit->w2), flags;
	__u64 w2;

	if (W2_FLAGS(hit->w2) & CONN_HOP_STALE)
		row = 0;
	way_to_client(ctx, row, &pkt->dst, pkt->family, hit->tick, way);
	if (way->kind != WAY_HOP || way->hop == row || pkt->dry)
		return;
	w2 = READ(hit->slot->w2);
	flags = W2_FLAGS(w2) & ~CONN_HOP_STALE;
	if (W2_LIFE(w2) == LIFE_LIVE && READ(hit->slot->w0) == hit->w0)
		__sync_val_compare_and_swap(&hit->slot->w2, w2,
					    W2(way->hop, flags, W2_STATE(w2), LIFE_LIVE,
					       W2_TICK(w2)));
}

static __always_inline enum verdict known_reply(struct xdp_md *ctx, struct packet *pkt, int number,
						__u32 tick)
{
	struct endpoint vip = {};
	struct way way = { .dry = pkt->dry };
	struct server *server;
	struct hit hit;
	enum verdict v;
	__u32 id;

	if (!hit_load(&hit, pkt->family, number, tick))
		return V_PASS_NO_CONNECTION;
	id = W1_SERVER(hit.w1);
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server)
		return V_DROP_INTERNAL;
	pkt->server = id + 1;
	pkt->service = server->service + 1;
	pkt->known = 1;
	hit_update(&hit, pkt, DIR_REPLY);
	if (!pkt->dry && server->flags & SERVER_AVAILABLE)
		stats_reply(id, pkt);
	if (W1_METHOD(hit.w1) != METHOD_NAT)
		return V_PASS_DIRECT_REPLY;
	if (!conn_virtual(pkt->family, number, hit.w1, &vip.address))
		return V_DROP_INTERNAL;
	vip.port = hit.w0;
	v = pkt->ttl <= 1 ? V_TX_TIME_EXCEEDED : V_CONTINUE;
	if (!v) {
		way_back(ctx, pkt, &hit, &way);
		v = passable(pkt, &way, 0);
	}
	if (!v)
		return forward_nat_reply(ctx, pkt, &vip, &way);
	pkt->dst = vip.address; /* the server hears of it from an address of ours */
	return v;
}

/* May this packet open a connection? (ip_vs_proto_tcp.c, tcp_conn_schedule; ip_vs_schedule) */
static __always_inline bool opens(const struct packet *pkt)
{
	if (pkt->protocol == IPPROTO_TCP)
		return pkt->tcp_flags & TCP_SYN && !(pkt->tcp_flags & TCP_RST) &&
		       pkt->sport != bpf_htons(20);
	return pkt->sport != bpf_htons(20);
}

static __always_inline int schedule(struct service *service, __u32 id, bool dry)
{
	__u64 area = *(volatile __u64 *)&service->pool;
	struct choice choice = {
		.service = id,
		.offset = area,
		.length = area >> 32,
		.wrr_max = service->wrr_max,
		.wrr_gcd = service->wrr_gcd,
		.dry = dry,
	};

	switch (service->scheduler) {
#define X(name)            \
	case SCHED_##name: \
		return sched_##name(&choice);
		SCHEDULERS(X)
#undef X
	default:
		return -1;
	}
}

static __always_inline void birth_fill(struct conn_birth *birth, const struct packet *pkt, __u32 id,
				       const struct server *server, __u32 tick)
{
	birth->server = id;
	birth->method = server->method;
	birth->tick = tick;
	birth->flags = server->method == METHOD_NAT ? 0 : CONN_NOOUTPUT;
	if (pkt->protocol == IPPROTO_TCP)
		birth->state = next_state(pkt, TCP_S_NONE, birth->flags, DIR_REQUEST);
	if (pkt->protocol != IPPROTO_TCP || !tcp_active(birth->state))
		birth->flags |= CONN_INACTIVE;
}

static __always_inline enum verdict create(struct packet *pkt, struct conn_key *key, __u32 id,
					   struct server *server, struct clock *now)
{
	__u32 which = pkt->family == AF_INET6;
	struct conn_birth birth = {};
	int number;

	if (now->used[which] >= config.connections[which])
		return V_DROP_TABLE_FULL;
	birth_fill(&birth, pkt, id, server, now->tick);
	number = conn_insert(key, &birth);
	if (number == CONN_FULL)
		return V_DROP_BUCKETS_FULL;
	/* another CPU has just made it, by another choice: the client's next packet finds that one */
	return number < 0 ? V_DROP_RACE : V_CONTINUE;
}

/* A packet of no known connection, to an address that may be a VIP. */
static __always_inline enum verdict open(struct xdp_md *ctx, struct packet *pkt,
					 struct conn_key *key, struct clock *now)
{
	struct service *service;
	struct server *server;
	enum verdict v;
	__u32 id, sid;
	int chosen;

	service = service_lookup(pkt, &sid);
	if (!service)
		return V_PASS_NO_SERVICE;
	if (service_protected(service, pkt->dport))
		return V_PASS_PROTECTED;
	if (!opens(pkt))
		return V_PASS_NOT_OPENING;
	if (impossible_source(pkt))
		return V_PASS_MALFORMED;
	pkt->service = sid + 1;
	chosen = schedule(service, sid, pkt->dry);
	if (chosen < 0)
		return V_TX_PORT_UNREACHABLE;
	id = chosen;
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server)
		return V_DROP_INTERNAL;
	pkt->server = id + 1;
	if (!pkt->dry) {
		v = create(pkt, key, id, server, now);
		if (v)
			return v;
		stats_request(id, pkt, true);
	}
	return to_server(ctx, pkt, server, server->method, now->tick);
}

/* A global function, so that it is verified once and its stack is given back before ICMP needs it. */
__noinline int walk(struct xdp_md *ctx, struct packet *pkt)
{
	struct clock *now = clock_row();
	struct conn_key key;
	enum verdict v;
	int number;

	if (!pkt || !now)
		return V_DROP_INTERNAL;
	v = parse_addresses(ctx, pkt);
	if (v)
		return v;
	pkt->ours = filter_ours(pkt);
	if (!pkt->ours && !is_icmp(pkt))
		return V_PASS_NOT_OURS;
	v = parse_ports(ctx, pkt);
	if (v)
		return v;
	if (is_icmp(pkt))
		return V_PASS_ICMP;
	if (pkt->ours & OURS_REPLY) {
		conn_key_reply(&key, pkt);
		number = conn_find_reply(&key);
		if (number >= 0)
			return known_reply(ctx, pkt, number, now->tick);
	}
	if (!(pkt->ours & OURS_REQUEST))
		return V_PASS_NO_CONNECTION;
	conn_key_request(&key, pkt);
	number = conn_find(&key);
	if (number >= 0) {
		v = known_request(ctx, pkt, number, now->tick);
		if (v)
			return v;
	}
	return open(ctx, pkt, &key, now);
}

static __always_inline enum verdict judge(struct xdp_md *ctx, struct packet *pkt)
{
	enum verdict v = walk(ctx, pkt);

	if (v == V_PASS_ICMP)
		v = related(ctx, pkt);
	if (v >= V_TX_PORT_UNREACHABLE && v <= V_TX_TOO_BIG)
		v = icmp_answer(ctx, pkt, v);
	return v;
}

SEC("xdp")
int director(struct xdp_md *ctx)
{
	struct packet pkt = {};

	return finish(&pkt, judge(ctx, &pkt));
}

/* The same walk for `elvs explain`: nothing is written but what it found. */
SEC("xdp")
int explain(struct xdp_md *ctx)
{
	struct packet pkt = { .dry = 1 };
	struct explanation *found;
	enum verdict v = judge(ctx, &pkt);
	__u32 zero = 0;

	found = bpf_map_lookup_elem(&explained, &zero);
	if (found) {
		found->verdict = v;
		found->service = pkt.service;
		found->server = pkt.server;
		found->known = pkt.known;
	}
	return XDP_PASS;
}
