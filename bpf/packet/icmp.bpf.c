// SPDX-License-Identifier: GPL-2.0-only
/* Builds the answers of icmp.h in place of the packet that they are about. */
#include "../clock.h"
#include "csum.h"
#include "icmp.h"

#define QUOTE_IPV4 (576 - sizeof(struct iphdr) - sizeof(struct icmp_header))
#define QUOTE_IPV6 (1280 - sizeof(struct ipv6hdr) - sizeof(struct icmp_header))
#define CHUNK 64
#define CHUNKS 20 /* covers 1280 bytes */
#define ICMP_TOS 0xc0 /* precedence: internetwork control */

struct icmp_type {
	__u8 type;
	__u8 code;
};

#define KIND(verdict) ((verdict) - V_TX_PORT_UNREACHABLE)

/* clang-format off */
static const struct icmp_type icmp4_types[4] = {
	[KIND(V_TX_PORT_UNREACHABLE)] = { ICMP4_UNREACHABLE, 3 },
	[KIND(V_TX_HOST_UNREACHABLE)] = { ICMP4_UNREACHABLE, 1 },
	[KIND(V_TX_TIME_EXCEEDED)] = { ICMP4_TIME_EXCEEDED, 0 },
	[KIND(V_TX_TOO_BIG)] = { ICMP4_UNREACHABLE, 4 },
};
static const struct icmp_type icmp6_types[4] = {
	[KIND(V_TX_PORT_UNREACHABLE)] = { ICMP6_UNREACHABLE, 4 },
	[KIND(V_TX_HOST_UNREACHABLE)] = { ICMP6_UNREACHABLE, 3 },
	[KIND(V_TX_TIME_EXCEEDED)] = { ICMP6_TIME_EXCEEDED, 0 },
	[KIND(V_TX_TOO_BIG)] = { ICMP6_TOO_BIG, 0 },
};
/* clang-format on */

/* Folded sum of `length` bytes at `offset`, in chunks that the verifier can bound. */
__noinline int sum_bytes(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	__u64 sum = 0;

	for (int i = 0; i < CHUNKS; i++) {
		__be32 words[CHUNK / 4] = {};
		__u32 n = length < CHUNK ? length : CHUNK;

		asm volatile("" : "+r"(n));
		if (!n || n > CHUNK)
			break;
		if (bpf_xdp_load_bytes(ctx, offset, words, n))
			break;
		for (int j = 0; j < CHUNK / 4; j++)
			sum += words[j];
		offset += n;
		length -= n;
	}
	return csum_fold(sum);
}

/* The sum of what ICMPv6 covers beside its message (RFC 8200, 8.1). */
static __always_inline __u64 pseudo_header(const struct packet *pkt, __u32 length)
{
	__u64 sum = bpf_htonl(length) + (__u64)bpf_htonl(IPPROTO_ICMPV6);

	for (int i = 0; i < 4; i++)
		sum += (__u64)pkt->src.v6[i] + pkt->dst.v6[i];
	return sum;
}

static __always_inline bool write_ip(struct xdp_md *ctx, const struct packet *pkt, __u32 length)
{
	if (pkt->family == AF_INET6) {
		struct ipv6hdr *ip = at(ctx, sizeof(struct ethhdr), sizeof(*ip));

		if (!ip)
			return false;
		*(__be32 *)ip = bpf_htonl(6u << 28);
		ip->payload_len = bpf_htons(length);
		ip->nexthdr = IPPROTO_ICMPV6;
		ip->hop_limit = 64;
		__builtin_memcpy(&ip->saddr, &pkt->dst, sizeof(pkt->dst));
		__builtin_memcpy(&ip->daddr, &pkt->src, sizeof(pkt->src));
	} else {
		struct iphdr *ip = at(ctx, sizeof(struct ethhdr), sizeof(*ip));
		__u64 sum = 0;

		if (!ip)
			return false;
		ip->version = 4;
		ip->ihl = 5;
		ip->tos = ICMP_TOS;
		ip->tot_len = bpf_htons(length + sizeof(*ip));
		ip->id = bpf_get_prandom_u32();
		ip->frag_off = 0;
		ip->ttl = 64;
		ip->protocol = IPPROTO_ICMP;
		ip->check = 0;
		ip->saddr = pkt->dst.v4;
		ip->daddr = pkt->src.v4;
		for (int i = 0; i < 5; i++)
			sum += ((__u32 *)ip)[i];
		ip->check = ~csum_fold(sum);
	}
	return true;
}

/* ICMP and ICMPv6 agree on where type, code, checksum and MTU stand. */
static __always_inline bool write_icmp(struct xdp_md *ctx, const struct packet *pkt, __u32 offset,
				       __u32 verdict, __u32 length)
{
	const struct icmp_type *type = pkt->family == AF_INET6 ? &icmp6_types[KIND(verdict) & 3] :
								 &icmp4_types[KIND(verdict) & 3];
	struct icmp_header *icmp = at(ctx, offset, sizeof(*icmp));
	__u64 sum;

	if (!icmp)
		return false;
	icmp->type = type->type;
	icmp->code = type->code;
	icmp->checksum = 0;
	icmp->rest = verdict == V_TX_TOO_BIG ? bpf_htonl(pkt->mtu) : 0;
	sum = (__u32)sum_bytes(ctx, offset, length);
	if (pkt->family == AF_INET6)
		sum += pseudo_header(pkt, length);
	icmp = at(ctx, offset, sizeof(*icmp));
	if (!icmp)
		return false;
	icmp->checksum = ~csum_fold(sum);
	return true;
}

static __always_inline bool make_room(struct xdp_md *ctx, struct packet *pkt, __u32 header,
				      __u32 quote)
{
	__u32 frame = frame_size(ctx);
	int trim = pkt->l3 + quote - frame;
	struct ethhdr *eth = at(ctx, 0, sizeof(*eth)), was;

	if (!eth)
		return false;
	was = *eth;
	if (trim && bpf_xdp_adjust_tail(ctx, trim))
		return false;
	if (bpf_xdp_adjust_head(ctx, -(int)(header + sizeof(struct icmp_header))))
		return false;
	eth = at(ctx, 0, sizeof(*eth));
	if (!eth)
		return false;
	*eth = was;
	return true;
}

__noinline int icmp_answer(struct xdp_md *ctx, struct packet *pkt, __u32 verdict)
{
	struct clock *now = clock_row();
	struct way way = {};
	__u32 header, quote, length;

	if (!pkt || !now)
		return V_DROP_INTERNAL;
	way.dry = pkt->dry;
	way_lookup(ctx, &pkt->src, pkt->family, now->tick, &way);
	if (!pkt->dry && way.kind <= WAY_NEIGHBOUR) {
		header = ip_header_size(pkt);
		quote = pkt->family == AF_INET6 ? QUOTE_IPV6 : QUOTE_IPV4;
		if (quote > pkt->length)
			quote = pkt->length;
		length = sizeof(struct icmp_header) + quote;
		if (!make_room(ctx, pkt, header, quote))
			return V_DROP_NO_ROOM;
		if (!write_ip(ctx, pkt, length) ||
		    !write_icmp(ctx, pkt, sizeof(struct ethhdr) + header, verdict, length))
			return V_DROP_INTERNAL;
	}
	return leave(ctx, pkt, &way, verdict);
}
