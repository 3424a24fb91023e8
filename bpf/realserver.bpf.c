// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc ingress of a real server without a tunnel device: takes the outer header off IPIP (4 in 4,
 * RFC 2003; 6 in 6, RFC 2473) when the outer packet is for this server and the inner one for a
 * VIP. Everything else is left as it is. For Ethernet devices only.
 *
 * Headers are read by bpf_skb_load_bytes: a driver may have left them outside the linear part.
 */
#include "realserver.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>

#define IP_FRAGMENT_MASK 0x3fff
#define ECN_MASK 3
#define ECN_CE 3

struct address_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tunnel_address);
	__type(value, __u8);
};

struct address_map receivers SEC(".maps"); /* addresses of this server */
struct address_map vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNPACK_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} unpacked SEC(".maps");

/* puts enum unpacking into the BTF */
const volatile union {
	enum unpacking outcome;
} layouts SEC(".rodata");

struct tunnel {
	__u32 inner; /* offset of the inner header */
	__u8 outer_ecn;
	__u8 inner_ecn;
};

static __always_inline int settle(enum unpacking outcome)
{
	__u32 row = outcome;
	__u64 *count = bpf_map_lookup_elem(&unpacked, &row);

	if (count)
		(*count)++;
	/* UNSPEC, so that filters behind ours still see the packet */
	return outcome < UNPACK_DROP_MALFORMED ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

static __always_inline bool holds_ipv4(struct address_map *map, __be32 address)
{
	struct tunnel_address key = { .family = AF_INET };

	key.address.v4 = address;
	return bpf_map_lookup_elem(map, &key);
}

static __always_inline bool holds_ipv6(struct address_map *map, const struct in6_addr *address)
{
	struct tunnel_address key = { .family = AF_INET6 };

	__builtin_memcpy(&key.address, address, sizeof(*address));
	return bpf_map_lookup_elem(map, &key);
}

/* FIXED_GSO: the segments of a coalesced packet keep their size, only their envelope goes */
static __always_inline int strip(struct __sk_buff *skb, const struct tunnel *tunnel)
{
	int envelope = tunnel->inner - ETH_HLEN;

	if (bpf_skb_adjust_room(skb, -envelope, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
		return settle(UNPACK_PASS_REFUSED);
	return settle(UNPACK_DONE);
}

static __always_inline bool mark_congestion_ipv4(struct __sk_buff *skb, __u32 ip)
{
	__be16 before, after;

	if (bpf_skb_load_bytes(skb, ip, &before, sizeof(before)))
		return false;
	after = before | bpf_htons(ECN_CE);
	return !bpf_l3_csum_replace(skb, ip + offsetof(struct iphdr, check), before, after, 2) &&
	       !bpf_skb_store_bytes(skb, ip, &after, sizeof(after), 0);
}

/* IPv6 has no header checksum, but a checksum that the device made of the packet covers it. */
static __always_inline bool mark_congestion_ipv6(struct __sk_buff *skb, __u32 ip)
{
	__be16 word;

	if (bpf_skb_load_bytes(skb, ip, &word, sizeof(word)))
		return false;
	word |= bpf_htons(ECN_CE << 4);
	return !bpf_skb_store_bytes(skb, ip, &word, sizeof(word), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int unpack_ipv4(struct __sk_buff *skb)
{
	struct tunnel tunnel;
	struct iphdr outer, inner;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &outer, sizeof(outer)) ||
	    outer.protocol != IPPROTO_IPIP)
		return TC_ACT_UNSPEC;
	if (!holds_ipv4(&receivers, outer.daddr))
		return settle(UNPACK_PASS_OTHER);
	if (outer.frag_off & bpf_htons(IP_FRAGMENT_MASK))
		return settle(UNPACK_PASS_FRAGMENT);
	tunnel.inner = ETH_HLEN + outer.ihl * 4;
	if (bpf_skb_load_bytes(skb, tunnel.inner, &inner, sizeof(inner)))
		return settle(UNPACK_DROP_MALFORMED);
	if (!holds_ipv4(&vips, inner.daddr))
		return settle(UNPACK_PASS_OTHER);
	if (outer.ihl < 5 || inner.version != 4 || inner.ihl < 5 ||
	    bpf_ntohs(inner.tot_len) < inner.ihl * 4 ||
	    bpf_ntohs(inner.tot_len) + outer.ihl * 4 > bpf_ntohs(outer.tot_len))
		return settle(UNPACK_DROP_MALFORMED);
	if ((outer.tos & ECN_MASK) == ECN_CE) {
		if (!(inner.tos & ECN_MASK))
			return settle(UNPACK_DROP_ECN);
		if (!mark_congestion_ipv4(skb, tunnel.inner))
			return settle(UNPACK_DROP_MALFORMED);
	}
	return strip(skb, &tunnel);
}

static __always_inline __u8 ecn_ipv6(const struct ipv6hdr *ip)
{
	return ip->flow_lbl[0] >> 4 & ECN_MASK;
}

/* Offset of the inner header, 0 when there is none. One destination options header is stepped
 * over: Linux's own ip6tnl puts the encapsulation limit there (RFC 2473, 4.1.1). */
static __always_inline __u32 inner_of_ipv6(struct __sk_buff *skb, const struct ipv6hdr *outer)
{
	__u32 off = ETH_HLEN + sizeof(*outer);
	struct ipv6_opt_hdr options;

	if (outer->nexthdr == IPPROTO_IPV6)
		return off;
	if (outer->nexthdr != IPPROTO_DSTOPTS ||
	    bpf_skb_load_bytes(skb, off, &options, sizeof(options)) ||
	    options.nexthdr != IPPROTO_IPV6)
		return 0;
	return off + (options.hdrlen + 1) * 8;
}

static __always_inline int unpack_ipv6(struct __sk_buff *skb)
{
	struct tunnel tunnel;
	struct ipv6hdr outer, inner;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &outer, sizeof(outer)))
		return TC_ACT_UNSPEC;
	tunnel.inner = inner_of_ipv6(skb, &outer);
	if (!tunnel.inner)
		return TC_ACT_UNSPEC;
	if (!holds_ipv6(&receivers, &outer.daddr))
		return settle(UNPACK_PASS_OTHER);
	if (bpf_skb_load_bytes(skb, tunnel.inner, &inner, sizeof(inner)))
		return settle(UNPACK_DROP_MALFORMED);
	if (!holds_ipv6(&vips, &inner.daddr))
		return settle(UNPACK_PASS_OTHER);
	if (inner.version != 6 || tunnel.inner + sizeof(inner) + bpf_ntohs(inner.payload_len) >
					  ETH_HLEN + sizeof(outer) + bpf_ntohs(outer.payload_len))
		return settle(UNPACK_DROP_MALFORMED);
	if (ecn_ipv6(&outer) == ECN_CE) {
		if (!ecn_ipv6(&inner))
			return settle(UNPACK_DROP_ECN);
		if (!mark_congestion_ipv6(skb, tunnel.inner))
			return settle(UNPACK_DROP_MALFORMED);
	}
	return strip(skb, &tunnel);
}

SEC("tc")
int realserver(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return unpack_ipv4(skb);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return unpack_ipv6(skb);
	return TC_ACT_UNSPEC;
}

SEC("license")
char LICENSE[] = "GPL";
