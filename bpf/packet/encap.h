/* SPDX-License-Identifier: GPL-2.0-only */
/* An outer IP header in front of the packet (RFC 2003, RFC 2473). */
#pragma once

#include "csum.h"

struct outer {
	struct addr source;
	struct addr destination;
	__u8 family;
	__u8 protocol; /* what is inside: IPPROTO_IPIP or IPPROTO_IPV6 */
	__u8 ttl;
	__u8 tos;
	__u8 dont_fragment;
	__u8 pad[3];
};

/* Outer DS field: ECN of a marked packet becomes ECT(0) (RFC 3168, 9.1.1) */
static __always_inline __u8 encap_tos(__u8 inner)
{
	return (inner & 3) == 3 ? (inner & ~3) | 2 : inner;
}

static __always_inline bool encap_ipv4(struct xdp_md *ctx, __u32 l3, const struct outer *outer,
				       __u32 length)
{
	struct iphdr *ip = at(ctx, l3, sizeof(*ip));
	__u64 sum = 0;

	if (!ip)
		return false;
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = outer->tos;
	ip->tot_len = bpf_htons(length + sizeof(*ip));
	ip->id = outer->dont_fragment ? 0 : bpf_get_prandom_u32();
	ip->frag_off = outer->dont_fragment ? bpf_htons(IP_DF) : 0;
	ip->ttl = outer->ttl;
	ip->protocol = outer->protocol;
	ip->check = 0;
	ip->saddr = outer->source.v4;
	ip->daddr = outer->destination.v4;
	for (int i = 0; i < 5; i++)
		sum += ((__u32 *)ip)[i];
	ip->check = ~csum_fold(sum);
	return true;
}

static __always_inline bool encap_ipv6(struct xdp_md *ctx, __u32 l3, const struct outer *outer,
				       __u32 length)
{
	struct ipv6hdr *ip = at(ctx, l3, sizeof(*ip));

	if (!ip)
		return false;
	*(__be32 *)ip = bpf_htonl(6u << 28 | (__u32)outer->tos << 20);
	ip->payload_len = bpf_htons(length);
	ip->nexthdr = outer->protocol;
	ip->hop_limit = outer->ttl;
	__builtin_memcpy(&ip->saddr, &outer->source, sizeof(outer->source));
	__builtin_memcpy(&ip->daddr, &outer->destination, sizeof(outer->destination));
	return true;
}

/* Puts the outer header before `length` bytes of inner packet; Ethernet moves to the front. */
static __always_inline bool encap(struct xdp_md *ctx, struct packet *pkt, const struct outer *outer)
{
	__u32 size = outer->family == AF_INET6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	struct ethhdr *eth = at(ctx, 0, sizeof(*eth)), was;

	if (!eth)
		return false;
	was = *eth;
	if (bpf_xdp_adjust_head(ctx, -(int)size))
		return false;
	eth = at(ctx, 0, sizeof(*eth));
	if (!eth)
		return false;
	*eth = was; /* the MACs are those of the way only if that knows them */
	eth->h_proto = outer->family == AF_INET6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	return outer->family == AF_INET6 ? encap_ipv6(ctx, sizeof(*eth), outer, pkt->length) :
					   encap_ipv4(ctx, sizeof(*eth), outer, pkt->length);
}
