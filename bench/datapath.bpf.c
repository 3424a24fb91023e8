// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds the director under BPF_PROG_TEST_RUN: the packet that the last round left is restored, its
 * flow chosen, and the program under test called. Linked with the director's maps and conn.bpf.c,
 * so that connections can also be ended, to bring the table to the state of a long-running one.
 */
#include "conn.h"

#define FRAME 64

enum flow_mode { FLOW_ONE, FLOW_RANDOM, FLOW_NEXT };

struct bench {
	__u8 frame[FRAME]; /* Ethernet to the end of TCP, IPv4 */
	__u32 mode; /* enum flow_mode */
	__u32 base; /* first flow's number */
	__u32 flows;
	__u32 next;
	__u32 random;
	__u32 reply; /* the client is the destination */
	__u32 retired;
	__u32 pad;
};

struct bench_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench);
} bench SEC(".maps");

struct target_map {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct flow_key {
	__u32 address;
	__u16 port;
	__u16 pad;
};

struct hash_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20);
	__type(key, struct flow_key);
	__type(value, __u64);
} hash SEC(".maps");

static __always_inline __be32 flow_address(__u32 n)
{
	return bpf_htonl(0x0b000000u + (n >> 10));
}

static __always_inline __be16 flow_port(__u32 n)
{
	return bpf_htons(1024 + (n & 1023));
}

static __always_inline __u32 choose(struct bench *b)
{
	if (b->mode == FLOW_NEXT)
		return b->base + b->next++;
	if (b->mode == FLOW_ONE)
		return b->base;
	b->random ^= b->random << 13;
	b->random ^= b->random >> 17;
	b->random ^= b->random << 5;
	return b->base + ((__u64)b->random * b->flows >> 32);
}

/* Encapsulation has left the packet longer: give the head back. */
static __always_inline bool restore(struct xdp_md *ctx, struct bench *b)
{
	int longer = (int)frame_size(ctx) - FRAME;
	__u64 *to, *from = (__u64 *)b->frame;

	if (longer && bpf_xdp_adjust_head(ctx, longer))
		return false;
	to = at(ctx, 0, FRAME);
	if (!to)
		return false;
	for (int i = 0; i < FRAME / 8; i++)
		to[i] = from[i];
	return true;
}

SEC("xdp")
int wrap(struct xdp_md *ctx)
{
	struct bench *b;
	struct iphdr *ip;
	struct tcphdr *tcp;
	__u32 zero = 0, n;

	b = bpf_map_lookup_elem(&bench, &zero);
	if (!b || !restore(ctx, b))
		return XDP_ABORTED;
	n = choose(b);
	ip = at(ctx, sizeof(struct ethhdr), sizeof(*ip) + sizeof(*tcp));
	if (!ip)
		return XDP_ABORTED;
	tcp = (void *)(ip + 1);
	if (b->reply) {
		ip->daddr = flow_address(n);
		tcp->dest = flow_port(n);
	} else {
		ip->saddr = flow_address(n);
		tcp->source = flow_port(n);
	}
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int empty(struct xdp_md *ctx)
{
	return XDP_TX;
}

/* What one look-up in a preallocated kernel hash of a million flows costs. */
SEC("xdp")
int hash_lookup(struct xdp_md *ctx)
{
	struct iphdr *ip = at(ctx, sizeof(struct ethhdr), sizeof(*ip) + sizeof(struct tcphdr));
	struct flow_key key = {};

	if (!ip)
		return XDP_ABORTED;
	key.address = ip->saddr;
	key.port = ((struct tcphdr *)(ip + 1))->source;
	return bpf_map_lookup_elem(&hash, &key) ? XDP_TX : XDP_DROP;
}

SEC("xdp")
int hash_fill(struct xdp_md *ctx)
{
	struct iphdr *ip = at(ctx, sizeof(struct ethhdr), sizeof(*ip) + sizeof(struct tcphdr));
	struct flow_key key = {};
	__u64 value = 1;

	if (!ip)
		return XDP_ABORTED;
	key.address = ip->saddr;
	key.port = ((struct tcphdr *)(ip + 1))->source;
	return bpf_map_update_elem(&hash, &key, &value, BPF_ANY) ? XDP_DROP : XDP_TX;
}

/* Ends the flow whose packet this is. */
SEC("xdp")
int retire(struct xdp_md *ctx)
{
	struct iphdr *ip = at(ctx, sizeof(struct ethhdr), sizeof(*ip) + sizeof(struct tcphdr));
	struct packet pkt = { .family = AF_INET, .protocol = IPPROTO_TCP };
	struct conn_key key;
	struct tcphdr *tcp;
	struct slot *slot;
	struct bench *b;
	__u32 zero = 0;
	int number;

	b = bpf_map_lookup_elem(&bench, &zero);
	if (!ip || !b)
		return XDP_ABORTED;
	tcp = (void *)(ip + 1);
	pkt.src.v4 = ip->saddr;
	pkt.dst.v4 = ip->daddr;
	pkt.sport = tcp->source;
	pkt.dport = tcp->dest;
	conn_key_request(&key, &pkt);
	number = conn_find(&key);
	if (number < 0)
		return XDP_DROP;
	slot = conn_slot(AF_INET, number);
	/* long dead already, so that its place can be taken at once */
	if (slot && conn_end(AF_INET, number, READ(slot->w2), W2_TICK(READ(slot->w2)) - 10))
		b->retired++;
	return XDP_TX;
}
