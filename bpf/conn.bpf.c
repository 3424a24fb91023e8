// SPDX-License-Identifier: GPL-2.0-only
/*
 * Find, insert, end. Global functions that take a key and a bucket number: inlined into each
 * other they would pass the verifier's limit of instructions (16 places x 5 slots x rivals).
 */
#include "conn.h"

#define FAR(head) ((__u32)(head) & 15)
#define FAR_COUNT(head) ((__u32)((head) >> 8) & 0xffff)
#define FAR_ONE 256ull

static __always_inline __u32 place(__u32 home, __u32 k)
{
	return home ^ (k * 0x9e3779b1u >> 7);
}

static __always_inline struct tail *tail_of(__u32 n, __u32 i)
{
	struct tails *row;

	n &= config.bucket_mask[1];
	row = bpf_map_lookup_elem(&tails, &n);
	if (!row)
		return NULL;
	asm volatile("" : "+r"(row));
	return i < SLOTS ? &row->tail[i] : NULL;
}

/* Folds may collide, so IPv6 heads prove nothing before the full addresses agree. */
static __always_inline bool same_client(const struct conn_key *key, __u32 n, __u32 i)
{
	struct tail *tail;

	if (key->family != AF_INET6)
		return true;
	tail = tail_of(n, i);
	return tail && same_addr(&tail->client, &key->client);
}

static __always_inline bool same_virtual(const struct conn_key *key, __u32 n, __u32 i)
{
	struct tail *tail;

	if (key->family != AF_INET6)
		return true;
	tail = tail_of(n, i);
	return tail && same_addr(&tail->virtual, &key->virtual);
}

static __always_inline bool same_key(const struct conn_key *key, struct slot *slot, __u32 n,
				     __u32 i)
{
	if (READ(slot->w0) != key->w0 || (READ(slot->w1) ^ key->w1) & W1_KEY)
		return false;
	return same_client(key, n, i) && same_virtual(key, n, i);
}

static __always_inline __u32 masked(__u32 family, __u32 n)
{
	return n & (family == AF_INET6 ? config.bucket_mask[1] : config.bucket_mask[0]);
}

/* The slot of bucket n that lives under key, or -1. */
static __always_inline int scan(const struct conn_key *key, struct bucket *bucket, __u32 n)
{
	for (int i = 0; i < SLOTS; i++)
		if (same_key(key, &bucket->slot[i], n, i) &&
		    W2_LIFE(READ(bucket->slot[i].w2)) == LIFE_LIVE)
			return masked(key->family, n) * 8 + i;
	return -1;
}

__noinline int conn_scan(struct conn_key *key, __u32 n)
{
	struct bucket *bucket;

	if (!key)
		return -1;
	bucket = conn_bucket(key->family, n);
	return bucket ? scan(key, bucket, n) : -1;
}

__noinline int conn_find(struct conn_key *key)
{
	struct bucket *home;
	__u64 head;
	int found;

	if (!key)
		return -1;
	home = conn_bucket(key->family, key->home);
	if (!home)
		return -1;
	found = scan(key, home, key->home); /* most are at home: no call */
	if (found >= 0)
		return found;
	head = READ(home->head);
	if (!FAR_COUNT(head))
		return -1;
	for (__u32 k = 1; k <= FAR_PLACES; k++) {
		if (k > FAR(head))
			break;
		found = conn_scan(key, place(key->home, k));
		if (found >= 0)
			return found;
	}
	return -1;
}

/* Does this slot's server speak as key->virtual, port in key->w0? NAT: as itself; else: as the VIP. */
static __always_inline bool speaks_as(const struct conn_key *key, __u64 w0, __u64 w1, __u32 n,
				      __u32 i)
{
	__u32 id = W1_SERVER(w1);
	__be16 port = key->w0, vport = w0;
	struct server *server;

	if (W1_METHOD(w1) != METHOD_NAT)
		return vport == port && !((w1 ^ key->w1) >> 32) && same_virtual(key, n, i);
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server || (server->port ? server->port : vport) != port)
		return false;
	if (key->family != AF_INET6)
		return server->address.v4 == (__be32)(key->w1 >> 32);
	return same_addr(&server->address, &key->virtual);
}

__noinline int conn_scan_reply(struct conn_key *key, __u32 n)
{
	struct bucket *bucket;

	if (!key)
		return -1;
	bucket = conn_bucket(key->family, n);
	if (!bucket)
		return -1;
	for (int i = 0; i < SLOTS; i++) {
		__u64 w0 = READ(bucket->slot[i].w0), w1;

		if ((w0 ^ key->w0) >> 16 || W2_LIFE(READ(bucket->slot[i].w2)) != LIFE_LIVE)
			continue;
		w1 = READ(bucket->slot[i].w1);
		if ((w1 ^ key->w1) & W1_KEY & 0xff) /* protocol, template */
			continue;
		if (same_client(key, n, i) && speaks_as(key, w0, w1, n, i))
			return masked(key->family, n) * 8 + i;
	}
	return -1;
}

__noinline int conn_find_reply(struct conn_key *key)
{
	struct bucket *home;
	__u64 head;
	int found;

	if (!key)
		return -1;
	found = conn_scan_reply(key, key->home);
	if (found >= 0)
		return found;
	home = conn_bucket(key->family, key->home);
	if (!home)
		return -1;
	head = READ(home->head);
	if (!FAR_COUNT(head))
		return -1;
	for (__u32 k = 1; k <= FAR_PLACES; k++) {
		if (k > FAR(head))
			break;
		found = conn_scan_reply(key, place(key->home, k));
		if (found >= 0)
			return found;
	}
	return -1;
}

/* Only the owner of a life that is CLAIM, KILLED or DYING comes here. */
static __always_inline void bury(__u32 family, struct slot *slot, __u32 home, __u32 k, __u32 tick)
{
	WRITE(slot->w0, 0);
	WRITE(slot->w1, 0);
	if (k) {
		struct bucket *bucket = conn_bucket(family, home);

		if (bucket)
			__sync_fetch_and_sub(&bucket->head, FAR_ONE);
	}
	/* xchg is fully ordered: the zeroes are seen before the slot can be claimed */
	__sync_lock_test_and_set(&slot->w2, W2(0, 0, 0, LIFE_DEAD, tick));
}

static __always_inline void count_birth(__u32 family, int by)
{
	__u32 row = family == AF_INET6;
	__s64 *births_here = bpf_map_lookup_elem(&births, &row);

	if (births_here)
		*births_here += by;
}

__noinline int conn_end(__u32 family, __u32 number, __u64 judged, __u32 tick)
{
	struct slot *slot = conn_slot(family, number);
	__u64 dying = (judged & ~(7ull << 32)) | (__u64)LIFE_DYING << 32, w1;

	if (!slot || W2_LIFE(judged) != LIFE_LIVE)
		return 0;
	if (__sync_val_compare_and_swap(&slot->w2, judged, dying) != judged)
		return 0;
	w1 = READ(slot->w1); /* ours only now */
	conn_count(conn_load(w1), W2_FLAGS(judged), -1);
	count_birth(family, -1);
	bury(family, slot, place(number >> 3, W1_PLACE(w1)), W1_PLACE(w1), tick);
	return 1;
}

/* Takes a free or long dead slot of bucket n: its index, or -1. */
__noinline int conn_claim(__u32 family, __u32 n, __u32 tick)
{
	struct bucket *bucket = conn_bucket(family, n);

	if (!bucket)
		return -1;
	for (int i = 0; i < SLOTS; i++) {
		__u64 w2 = READ(bucket->slot[i].w2);
		__u32 life = W2_LIFE(w2);

		/* signed: another CPU's death may be newer than our tick */
		if (life == LIFE_DEAD && (__s32)(tick - W2_TICK(w2)) < QUARANTINE)
			continue;
		if (life != LIFE_FREE && life != LIFE_DEAD)
			continue;
		if (__sync_val_compare_and_swap(&bucket->slot[i].w2, w2,
						W2(0, 0, 0, LIFE_CLAIM, tick)) == w2)
			return i;
	}
	return -1;
}

/* While we hold the claim `mine`: does somebody else in bucket n have the better right? */
__noinline int conn_rival(struct conn_key *key, __u32 n, __u32 mine)
{
	struct bucket *bucket;

	if (!key)
		return 0;
	n = masked(key->family, n);
	bucket = conn_bucket(key->family, n);
	if (!bucket)
		return 0;
	for (int i = 0; i < SLOTS; i++) {
		struct slot *slot = &bucket->slot[i];
		__u32 number = n * 8 + i;
		__u64 w2, killed;

		if (number == mine || !same_key(key, slot, n, i))
			continue;
		w2 = READ(slot->w2);
		if (W2_LIFE(w2) == LIFE_CLAIM) {
			if (number < mine)
				return 1;
			killed = (w2 & ~(7ull << 32)) | (__u64)LIFE_KILLED << 32;
			killed = __sync_val_compare_and_swap(&slot->w2, w2, killed);
			if (killed == w2)
				continue;
			w2 = killed;
		}
		if (W2_LIFE(w2) == LIFE_LIVE)
			return 1;
	}
	return 0;
}

/* Says at home that one more stands k places away, before it can be seen there. */
static __always_inline bool announce(struct bucket *home, __u32 k)
{
	for (int i = 0; i < 16; i++) {
		__u64 head = READ(home->head), far = FAR(head);

		if (!FAR_COUNT(head) || far < k)
			far = k;
		if (__sync_val_compare_and_swap(&home->head, head,
						((head & ~15ull) + FAR_ONE) | far) == head)
			return true;
	}
	return false;
}

/* Has a rival the better right, at home or in any place that home speaks of? */
__noinline int conn_lost(struct conn_key *key, __u32 mine)
{
	struct bucket *home;
	__u64 head;

	if (!key)
		return 1;
	if (conn_rival(key, key->home, mine))
		return 1;
	home = conn_bucket(key->family, key->home);
	if (!home)
		return 1;
	head = READ(home->head);
	if (!FAR_COUNT(head))
		return 0;
	for (__u32 k = 1; k <= FAR_PLACES; k++) {
		if (k > FAR(head))
			break;
		if (conn_rival(key, place(key->home, k), mine))
			return 1;
	}
	return 0;
}

/* CLAIM -> LIVE; a stray store of the tick may have hit the claim meanwhile, a rival's kill too. */
static __always_inline bool publish(struct slot *slot, __u64 claim, __u64 live)
{
	for (int i = 0; i < 4; i++) {
		__u64 was = __sync_val_compare_and_swap(&slot->w2, claim, live);

		if (was == claim)
			return true;
		if (W2_LIFE(was) != LIFE_CLAIM)
			return false;
		claim = was;
	}
	return false;
}

/* The k of the first place with a slot to take, its index in *index; -1: none. */
static __always_inline int claim_place(__u32 family, __u32 home, __u32 tick, __u32 *index)
{
	for (__u32 k = 0; k <= FAR_PLACES; k++) {
		int i = conn_claim(family, k ? place(home, k) : home, tick);

		if (i >= 0) {
			*index = i;
			return k;
		}
	}
	return -1;
}

__noinline int conn_insert(struct conn_key *key, struct conn_birth *birth)
{
	struct bucket *home;
	struct slot *slot;
	__u32 n, mine, index = 0;
	__u64 w1, barrier;
	int k;

	if (!key || !birth)
		return CONN_FULL;
	home = conn_bucket(key->family, key->home);
	k = claim_place(key->family, key->home, birth->tick, &index);
	if (k < 0 || !home)
		return CONN_FULL;
	n = masked(key->family, k ? place(key->home, k) : key->home);
	mine = n * 8 + (index & 7);
	slot = conn_slot(key->family, mine);
	if (!slot)
		return CONN_FULL;
	if (k && !announce(home, k)) {
		__sync_lock_test_and_set(&slot->w2, W2(0, 0, 0, LIFE_DEAD, birth->tick));
		return CONN_RACE;
	}
	if (key->family == AF_INET6) {
		struct tail *tail = tail_of(n, index);

		if (tail) {
			tail->client = key->client;
			tail->virtual = key->virtual;
		}
	}
	w1 = (key->w1 & W1_KEY) | (__u64)(birth->server & SERVER_MASK) << 12 |
	     (birth->method & 7) << 9 | (__u32)k << 5;
	WRITE(slot->w1, w1);
	WRITE(slot->w0, key->w0);
	/* full barrier between "mine can be seen" and "I look for yours": an atomic with a result */
	barrier = __sync_fetch_and_add(&home->head, 0);
	asm volatile("" ::"r"(barrier));
	if (!conn_lost(key, mine) &&
	    publish(slot, W2(0, 0, 0, LIFE_CLAIM, birth->tick),
		    W2(birth->hop, birth->flags, birth->state, LIFE_LIVE, birth->tick))) {
		conn_count(conn_load(w1), birth->flags, 1);
		count_birth(key->family, 1);
		return mine;
	}
	bury(key->family, slot, key->home, k, birth->tick);
	return CONN_RACE;
}
