/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet as offsets and copied fields. Packet pointers never live here: they die with every
 * helper that moves the packet and do not survive a call of a global function; at() makes them anew.
 */
#pragma once

#include <stdbool.h>
#include "../types.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define IP_DF 0x4000
#define IP_FRAGMENT_MASK 0x3fff /* more fragments, and the offset */

struct packet {
	struct addr src;
	struct addr dst;
	__u32 l3; /* offsets from ctx->data */
	__u32 l4;
	__u32 mtu; /* what fits the way that was chosen */
	__u32 length; /* from the IP header on, as the header says */
	__be16 sport;
	__be16 dport;
	__u8 family;
	__u8 protocol;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 dont_fragment;
	__u8 fragment;
	__u8 ours; /* enum ours, see filter.h */
	__u8 dry; /* change nothing, only find out */
	__u8 action; /* XDP code of a TX verdict */
	__u32 service; /* id + 1, for explain */
	__u32 server; /* id + 1 */
	__u32 known; /* of a connection that was there before */
};

/* `len` bytes at `off`, or NULL. `len` must be a constant. */
static __always_inline void *at(struct xdp_md *ctx, __u32 off, __u32 len)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	/* the verifier wants a small bound, and clang must not prove it away */
	off &= 0x3ff;
	asm volatile("" : "+r"(off));
	data += off;
	if (data + len > end)
		return NULL;
	return data;
}

static __always_inline __u32 frame_size(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	/* whole registers: half a packet pointer cannot be spilled */
	asm volatile("" : "+r"(data), "+r"(end));
	return end - data;
}

static __always_inline bool same_addr(const struct addr *a, const struct addr *b)
{
	return !((a->half[0] ^ b->half[0]) | (a->half[1] ^ b->half[1]));
}

static __always_inline __u32 ip_header_size(const struct packet *pkt)
{
	return pkt->family == AF_INET6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

/* Each family has an ICMP of its own; the other's is a foreign protocol. */
static __always_inline bool is_icmp(const struct packet *pkt)
{
	return pkt->protocol == (pkt->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* A source that nobody can answer to (RFC 1122, 3.2.1.3; RFC 4291, 2.5): the stack drops it. */
static __always_inline bool impossible_source(const struct packet *pkt)
{
	__u8 first = *(const __u8 *)&pkt->src;

	if (pkt->family == AF_INET6)
		return first == 0xff ||
		       !(pkt->src.half[0] | (pkt->src.half[1] & ~bpf_cpu_to_be64(1)));
	return !first || first == 127 || (first & 0xf0) == 0xe0 || pkt->src.v4 == 0xffffffff;
}
