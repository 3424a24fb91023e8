/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection table, the only file with conn.bpf.c that knows how connections are stored.
 *
 * One shared array of 128-byte buckets a family, five slots each, no locks. A slot is hashed by
 * what both directions know (client address, client port, protocol), so it serves the request
 * and the NAT answer. A connection's number is its place: bucket * 8 + slot. What does not fit
 * its home bucket stands in one of 15 others (home XOR a constant), and the home's head says how
 * far to look. Every change that counts - birth, transition, death - is one compare-and-swap on
 * w2, whose winner adjusts the server's counts: that makes them exact. A dead slot is not reused
 * for QUARANTINE ticks, longer than any program run, so a number held during a run never leads
 * to a stranger.
 */
#pragma once

#include "hash.h"
#include "maps.h"
#include "packet/view.h"

#define FAR_PLACES 15
#define QUARANTINE 2 /* ticks */

#define READ(x) (*(volatile __typeof__(x) *)&(x))
#define WRITE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define W1_KEY 0xffffffff0000001cull /* virtual address, protocol, template */
#define W1_SERVER(w1) ((__u32)(w1) >> 12)
#define W1_METHOD(w1) ((__u32)(w1) >> 9 & 7)
#define W1_PLACE(w1) ((__u32)(w1) >> 5 & 15)
#define W1_PROTOCOL(w1) ((__u32)(w1) >> 3 & 3)
#define SERVER_MASK 0xfffff

#define W2_TICK(w2) ((__u32)(w2))
#define W2_LIFE(w2) ((__u32)((w2) >> 32) & 7)
#define W2_STATE(w2) ((__u32)((w2) >> 35) & 31)
#define W2_FLAGS(w2) ((__u32)((w2) >> 40) & 31)
#define W2_HOP(w2) ((__u32)((w2) >> 52))
#define W2(hop, flags, state, life, tick)                                                         \
	((__u64)(hop) << 52 | (__u64)(flags) << 40 | (__u64)(state) << 35 | (__u64)(life) << 32 | \
	 (__u32)(tick))

struct conn_key {
	__u64 w0; /* client, client port, virtual port (of an answer: the port it came from) */
	__u64 w1; /* virtual address, protocol */
	__u32 home;
	__u32 family;
	struct addr client; /* both of IPv6 alone: IPv4's are in w0 and w1 */
	struct addr virtual; /* of an answer: the address it came from */
};

struct conn_birth {
	__u32 server;
	__u32 method;
	__u32 state;
	__u32 flags;
	__u32 hop;
	__u32 tick;
};

#define CONN_FULL -1 /* none of the 16 places is free */
#define CONN_RACE -2 /* somebody else was faster: look again */

/* Each returns a connection's number; find: -1 when there is none. */
int conn_find(struct conn_key *key);
int conn_find_reply(struct conn_key *key);
int conn_insert(struct conn_key *key, struct conn_birth *birth);
/* Ends slot `number` if its w2 still is `judged`: 1 for the one caller who ended it. */
int conn_end(__u32 family, __u32 number, __u64 judged, __u32 tick);

static __always_inline __u32 conn_protocol(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return CONN_TCP;
	case IPPROTO_UDP:
		return CONN_UDP;
	default:
		return CONN_OTHER;
	}
}

/* Client addresses are an attacker's choice: folded under the key. VIPs are the operator's. */
static __always_inline void conn_key_fill(struct conn_key *key, const struct packet *pkt,
					  const struct addr *client, __be16 client_port,
					  const struct addr *virtual, __be16 virtual_port)
{
	__u32 protocol = conn_protocol(pkt->protocol);
	__u32 fold = client->v4, vfold = virtual->v4;

	if (pkt->family == AF_INET6) {
		fold = keyed_hash(client->half[0] ^ keyed_hash(client->half[1]));
		vfold ^= virtual->v6[1] ^ virtual->v6[2] ^ virtual->v6[3];
		key->client = *client;
		key->virtual = *virtual;
	}
	key->family = pkt->family;
	key->w0 = (__u64)fold << 32 | (__u32)client_port << 16 | virtual_port;
	key->w1 = (__u64)vfold << 32 | protocol << 3;
	key->home = keyed_hash((key->w0 & ~0xffffull) | protocol);
}

static __always_inline void conn_key_request(struct conn_key *key, const struct packet *pkt)
{
	conn_key_fill(key, pkt, &pkt->src, pkt->sport, &pkt->dst, pkt->dport);
}

static __always_inline void conn_key_reply(struct conn_key *key, const struct packet *pkt)
{
	conn_key_fill(key, pkt, &pkt->dst, pkt->dport, &pkt->src, pkt->sport);
}

static __always_inline struct bucket *conn_bucket(__u32 family, __u32 n)
{
	if (family == AF_INET6) {
		n &= config.bucket_mask[1];
		return bpf_map_lookup_elem(&conn6, &n);
	}
	n &= config.bucket_mask[0];
	return bpf_map_lookup_elem(&conn4, &n);
}

static __always_inline struct slot *conn_slot(__u32 family, __u32 number)
{
	struct bucket *bucket = conn_bucket(family, number >> 3);
	__u32 i = number & 7;

	if (!bucket)
		return NULL;
	asm volatile("" : "+r"(bucket)); /* else clang adds before the NULL check */
	if (i >= SLOTS)
		return NULL;
	return &bucket->slot[i];
}

/* The VIP that the client of connection `number` talks to. */
static __always_inline bool conn_virtual(__u32 family, __u32 number, __u64 w1, struct addr *virtual)
{
	__u32 n = number >> 3, i = number & 7;
	struct tails *row;

	if (family != AF_INET6) {
		virtual->v4 = w1 >> 32;
		return true;
	}
	n &= config.bucket_mask[1];
	row = bpf_map_lookup_elem(&tails, &n);
	if (!row)
		return false;
	asm volatile("" : "+r"(row));
	if (i >= SLOTS)
		return false;
	*virtual = row->tail[i].virtual;
	return true;
}

static __always_inline struct load *conn_load(__u64 w1)
{
	__u32 id = W1_SERVER(w1);

	return bpf_map_lookup_elem(&loads, &id);
}

static __always_inline void conn_count(struct load *load, __u32 flags, int by)
{
	if (!load)
		return;
	if (flags & CONN_INACTIVE)
		__sync_fetch_and_add(&load->inactive, by);
	else
		__sync_fetch_and_add(&load->active, by);
}

/*
 * One transition of slot to `next`, a w2 that keeps life LIVE. Returns false if somebody else
 * changed the slot meanwhile: nothing was counted then.
 */
static __always_inline bool conn_move(struct slot *slot, __u64 w1, __u64 w2, __u64 next)
{
	__u32 was = W2_FLAGS(w2) & CONN_INACTIVE, is = W2_FLAGS(next) & CONN_INACTIVE;

	if (__sync_val_compare_and_swap(&slot->w2, w2, next) != w2)
		return false;
	if (was != is) {
		struct load *load = conn_load(w1);

		conn_count(load, was, -1);
		conn_count(load, is, 1);
	}
	return true;
}
