/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Headers to struct packet, in two steps: addresses first, since most packets on a shared
 * interface are not ours, ports only for those that may be. Reads, never writes.
 * A packet that contradicts itself is the stack's to judge: V_PASS_MALFORMED.
 */
#pragma once

#include "view.h"

#define EXTENSION_HEADERS 8 /* more than any honest packet has */

static __always_inline enum verdict parse_ipv4(struct xdp_md *ctx, struct packet *pkt)
{
	struct iphdr *ip = at(ctx, pkt->l3, sizeof(*ip));
	__u32 frame = frame_size(ctx);

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return V_PASS_MALFORMED;
	pkt->family = AF_INET;
	pkt->src.v4 = ip->saddr;
	pkt->dst.v4 = ip->daddr;
	pkt->protocol = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->length = bpf_ntohs(ip->tot_len);
	pkt->l4 = pkt->l3 + ip->ihl * 4;
	pkt->dont_fragment = !!(ip->frag_off & bpf_htons(IP_DF));
	pkt->fragment = !!(ip->frag_off & bpf_htons(IP_FRAGMENT_MASK));
	if (pkt->length < ip->ihl * 4 || pkt->l3 + pkt->length > frame)
		return V_PASS_MALFORMED;
	return V_CONTINUE;
}

static __always_inline enum verdict parse_ipv6(struct xdp_md *ctx, struct packet *pkt)
{
	struct ipv6hdr *ip = at(ctx, pkt->l3, sizeof(*ip));
	__u32 frame = frame_size(ctx);

	if (!ip || ip->version != 6)
		return V_PASS_MALFORMED;
	pkt->family = AF_INET6;
	__builtin_memcpy(&pkt->src, &ip->saddr, sizeof(pkt->src));
	__builtin_memcpy(&pkt->dst, &ip->daddr, sizeof(pkt->dst));
	pkt->protocol = ip->nexthdr;
	pkt->ttl = ip->hop_limit;
	pkt->length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	pkt->l4 = pkt->l3 + sizeof(*ip);
	pkt->dont_fragment = 1;
	if (pkt->l3 + pkt->length > frame)
		return V_PASS_MALFORMED;
	return V_CONTINUE;
}

/* Ethernet and the addresses of IP. What a MAC sends to a group is no unicast traffic of ours. */
static __always_inline enum verdict parse_addresses(struct xdp_md *ctx, struct packet *pkt)
{
	struct ethhdr *eth = at(ctx, 0, sizeof(*eth));

	if (!eth)
		return V_PASS_NOT_IP;
	if (eth->h_dest[0] & 1)
		return V_PASS_NOT_OURS;
	pkt->l3 = sizeof(*eth);
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, pkt);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(ctx, pkt);
	return V_PASS_NOT_IP;
}

/* Walks IPv6 extension headers (RFC 8200, 4.1) to the one that carries ports. */
static __always_inline enum verdict skip_extensions(struct xdp_md *ctx, struct packet *pkt)
{
	for (int i = 0; i < EXTENSION_HEADERS; i++) {
		struct ipv6_opt_hdr *ext;

		switch (pkt->protocol) {
		case IPPROTO_FRAGMENT:
			return V_PASS_FRAGMENT;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			break;
		default:
			return V_CONTINUE;
		}
		ext = at(ctx, pkt->l4, sizeof(*ext));
		if (!ext || pkt->l4 > 512)
			return V_PASS_MALFORMED;
		pkt->protocol = ext->nexthdr;
		pkt->l4 += (ext->hdrlen + 1) * 8;
	}
	return V_PASS_MALFORMED;
}

static __always_inline enum verdict parse_tcp(struct xdp_md *ctx, struct packet *pkt)
{
	struct tcphdr *tcp = at(ctx, pkt->l4, sizeof(*tcp));

	if (!tcp || tcp->doff < 5 || pkt->l4 + tcp->doff * 4 > pkt->l3 + pkt->length)
		return V_PASS_MALFORMED;
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->tcp_flags = ((__u8 *)tcp)[13];
	return V_CONTINUE;
}

static __always_inline enum verdict parse_udp(struct xdp_md *ctx, struct packet *pkt)
{
	struct udphdr *udp = at(ctx, pkt->l4, sizeof(*udp));

	if (!udp || pkt->l4 + sizeof(*udp) > pkt->l3 + pkt->length)
		return V_PASS_MALFORMED;
	pkt->sport = udp->source;
	pkt->dport = udp->dest;
	return V_CONTINUE;
}

/* Ports and flags. ICMP is V_CONTINUE with no ports. */
static __always_inline enum verdict parse_ports(struct xdp_md *ctx, struct packet *pkt)
{
	enum verdict v;

	if (pkt->fragment)
		return V_PASS_FRAGMENT;
	if (pkt->family == AF_INET6) {
		v = skip_extensions(ctx, pkt);
		if (v)
			return v;
	}
	if (pkt->l4 > 768) /* what at() reaches, with room for a header */
		return V_PASS_MALFORMED;
	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return parse_tcp(ctx, pkt);
	case IPPROTO_UDP:
		return parse_udp(ctx, pkt);
	default:
		return is_icmp(pkt) ? V_CONTINUE : V_PASS_PROTOCOL;
	}
}
