/* SPDX-License-Identifier: GPL-2.0-only */
/* Changes in place, every checksum kept right incrementally. */
#pragma once

#include "csum.h"

/* One hop less; the caller has seen that there is one left. */
static __always_inline bool rewrite_ttl(struct xdp_md *ctx, struct packet *pkt)
{
	if (pkt->family == AF_INET6) {
		struct ipv6hdr *ip = at(ctx, pkt->l3, sizeof(*ip));

		if (!ip)
			return false;
		ip->hop_limit--;
	} else {
		struct iphdr *ip = at(ctx, pkt->l3, sizeof(*ip));

		if (!ip)
			return false;
		ip->ttl--;
		csum_apply(&ip->check, csum_delta16(bpf_htons(0x100), 0));
	}
	pkt->ttl--;
	return true;
}

/* The source (or else destination) address of the IP header at `l3`. */
static __always_inline bool rewrite_address(struct xdp_md *ctx, __u32 l3, __u8 family, bool source,
					    const struct addr *from, const struct addr *to)
{
	if (family == AF_INET6) {
		struct ipv6hdr *ip = at(ctx, l3, sizeof(*ip));

		if (!ip)
			return false;
		__builtin_memcpy(source ? &ip->saddr : &ip->daddr, to, sizeof(*to));
	} else {
		struct iphdr *ip = at(ctx, l3, sizeof(*ip));

		if (!ip)
			return false;
		if (source)
			ip->saddr = to->v4;
		else
			ip->daddr = to->v4;
		csum_apply(&ip->check, csum_delta32(from->v4, to->v4));
	}
	return true;
}

/* Port and checksum of TCP or UDP at `pkt->l4`, the addresses' `delta` included. */
static __always_inline bool rewrite_port(struct xdp_md *ctx, struct packet *pkt, bool source,
					 __be16 from, __be16 to, __u64 delta)
{
	delta += csum_delta16(from, to);
	if (pkt->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = at(ctx, pkt->l4, sizeof(*tcp));

		if (!tcp)
			return false;
		if (source)
			tcp->source = to;
		else
			tcp->dest = to;
		csum_apply(&tcp->check, delta);
	} else {
		struct udphdr *udp = at(ctx, pkt->l4, sizeof(*udp));

		if (!udp)
			return false;
		if (source)
			udp->source = to;
		else
			udp->dest = to;
		csum_apply_udp(&udp->check, delta);
	}
	return true;
}

/* Source (or destination) address and port of the packet become `to`, `port`. */
static __always_inline bool rewrite_end(struct xdp_md *ctx, struct packet *pkt, bool source,
					const struct addr *to, __be16 port)
{
	const struct addr *from = source ? &pkt->src : &pkt->dst;
	__be16 from_port = source ? pkt->sport : pkt->dport;

	return rewrite_address(ctx, pkt->l3, pkt->family, source, from, to) &&
	       rewrite_port(ctx, pkt, source, from_port, port,
			    csum_delta_addr(from, to, pkt->family));
}
