/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way out. A way is looked up once by bpf_fib_lookup and interned as a row of `hops`; servers
 * remember theirs in `route`, connections the one back to the client in w2. Ways are looked up
 * again when older than HOP_FRESH. Zero is no hop.
 *
 * The look-up is made as for locally born packets, as IPVS makes it: input device lo, whose
 * `forwarding` attach has switched on; so net.ipv4.ip_forward does not matter.
 */
#pragma once

#include "../maps.h"
#include "view.h"

#define LOOPBACK_IFINDEX 1
#define HOP_FRESH (TICKS_PER_SECOND / 2)
/*
 * XDP does not use the kernel's neighbour entry in the kernel's eyes, so a stale one would never
 * be probed: one packet goes the slow way each time this bit of the tick changes (about 5 s).
 */
#define EXERCISE_BITS 9

enum way_kind {
	WAY_HOP, /* MACs known */
	WAY_NEIGHBOUR, /* MAC unknown: tc resolves `next` on `ifindex` */
	WAY_LOCAL, /* the address is the director's own */
	WAY_NONE, /* no route */
};

struct way {
	__u32 kind;
	__u32 hop; /* row of hops, 0 when none was free */
	__u32 ifindex;
	__u32 mtu;
	__u32 family;
	__u32 dry; /* set by the caller: intern nothing */
	union {
		__u8 macs[12]; /* WAY_HOP: destination and source as they stand in a frame */
		__u32 next[4]; /* WAY_NEIGHBOUR */
	};
};

/* Looks the way to `to` up and interns it, unless way->dry. */
int way_lookup(struct xdp_md *ctx, struct addr *to, __u32 family, __u32 tick, struct way *way);

/* Lets the kernel send this one, so that it sees its neighbour entry in use. */
static __always_inline void way_exercise(__u32 row, struct way *way)
{
	struct hop *hop = bpf_map_lookup_elem(&hops, &row);

	if (!hop)
		return;
	way->kind = WAY_NEIGHBOUR;
	way->family = hop->next_family;
	__builtin_memcpy(way->next, &hop->next, sizeof(way->next));
}

/* Fills the way from an interned row; false when the row is dead. */
static __always_inline bool way_from_hop(__u32 row, struct way *way)
{
	struct hop *hop = bpf_map_lookup_elem(&hops, &row);

	if (!hop || !hop->mtu)
		return false;
	way->kind = WAY_HOP;
	way->hop = row;
	way->ifindex = hop->ifindex;
	way->mtu = hop->mtu;
	__builtin_memcpy(way->macs, hop->macs, sizeof(way->macs));
	return true;
}

static __always_inline void way_to_server(struct xdp_md *ctx, struct server *server, __u32 tick,
					  struct way *way)
{
	__u64 route = *(volatile __u64 *)&server->route;
	__u32 checked = route, row = route >> 32;

	if (row && tick - checked < HOP_FRESH && way_from_hop(row, way))
		return;
	way_lookup(ctx, &server->address, server->family, tick, way);
	if (way->kind != WAY_HOP || way->dry)
		return;
	*(volatile __u64 *)&server->route = (__u64)way->hop << 32 | tick;
	if (row && (checked ^ tick) >> EXERCISE_BITS)
		way_exercise(row, way);
}

static __always_inline void way_to_client(struct xdp_md *ctx, __u32 row, struct addr *client,
					  __u32 family, __u32 tick, struct way *way)
{
	struct hop *hop = bpf_map_lookup_elem(&hops, &row);
	__u32 checked;

	if (way->dry || !row || !hop || !way_from_hop(row, way)) {
		way_lookup(ctx, client, family, tick, way);
		return;
	}
	if (tick - hop->checked < HOP_FRESH)
		return;
	/* an address that is known to go this way speaks for all */
	checked = hop->checked;
	hop->checked = tick;
	hop->used = tick;
	way_lookup(ctx, &hop->probe, hop->family, tick, way);
	if (way->kind != WAY_HOP)
		hop->mtu = 0;
	if (way->kind != WAY_HOP || way->hop != row)
		way_lookup(ctx, client, family, tick, way);
	else if ((checked ^ tick) >> EXERCISE_BITS)
		way_exercise(row, way);
}

/* To the MACs of the way. Whole words: clang would copy what it holds for unaligned by bytes. */
static __always_inline enum verdict send(struct xdp_md *ctx, struct packet *pkt,
					 const struct way *way, enum verdict done)
{
	__u32 *frame = at(ctx, 0, sizeof(struct ethhdr)), *macs = (__u32 *)way->macs;

	if (!frame)
		return V_DROP_INTERNAL;
	frame[0] = macs[0];
	frame[1] = macs[1];
	frame[2] = macs[2];
	pkt->action = bpf_redirect(way->ifindex, 0);
	return done;
}

/* To tc by a note in front of the packet; false where the driver has no room for notes. */
static __always_inline bool hand_over(struct xdp_md *ctx, const struct way *way)
{
	struct handover *hand;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*hand)))
		return false;
	hand = (void *)(long)ctx->data_meta;
	if ((void *)(hand + 1) > (void *)(long)ctx->data)
		return false;
	hand->magic = HANDOVER_MAGIC;
	hand->ifindex = way->ifindex;
	hand->family = way->family;
	__builtin_memcpy(hand->next, way->next, sizeof(hand->next));
	return true;
}

/* Sends the packet the way: `done` if MACs are known, else tc takes over. */
static __always_inline enum verdict leave(struct xdp_md *ctx, struct packet *pkt, struct way *way,
					  enum verdict done)
{
	if (pkt->dry)
		return way->kind == WAY_NONE ? V_DROP_NO_ROUTE : done;
	if (way->kind == WAY_HOP)
		return send(ctx, pkt, way, done);
	if (way->kind != WAY_NEIGHBOUR)
		return V_DROP_NO_ROUTE;
	if (hand_over(ctx, way))
		return V_SLOW_NEIGHBOUR;
	/* what was only to exercise a neighbour has its MACs all the same */
	return way->hop && way_from_hop(way->hop, way) ? send(ctx, pkt, way, done) : V_DROP_NO_ROOM;
}
