// SPDX-License-Identifier: GPL-2.0-only
/*
 * See related.h. The quoted packet is parsed as a struct packet of its own, and its addresses
 * decide whose error it is: the one that sends it may be any router on the way. A wrong
 * checksum stays wrong, since it is only ever changed by differences.
 */
#include "related.h"
#include "clock.h"
#include "conn.h"
#include "filter.h"
#include "forward/forward.h"
#include "packet/icmp.h"
#include "packet/parse.h"
#include "packet/rewrite.h"
#include "stats.h"

static __always_inline bool is_error(const struct packet *pkt, __u8 type)
{
	if (pkt->family == AF_INET6)
		return type < ICMP6_ERRORS;
	return type == ICMP4_UNREACHABLE || type == ICMP4_SOURCE_QUENCH ||
	       type == ICMP4_TIME_EXCEEDED;
}

/*
 * Like parse.h, but a quote may be cut anywhere after eight bytes of what carries the ports;
 * beyond `end`, where the outer packet ends, stands padding.
 */
static __always_inline bool parse_quote(struct xdp_md *ctx, struct packet *in, __u32 end)
{
	__be16 *ports;

	if (in->family == AF_INET6) {
		struct ipv6hdr *ip = at(ctx, in->l3, sizeof(*ip));

		if (!ip || ip->version != 6)
			return false;
		__builtin_memcpy(&in->src, &ip->saddr, sizeof(in->src));
		__builtin_memcpy(&in->dst, &ip->daddr, sizeof(in->dst));
		in->protocol = ip->nexthdr;
		in->l4 = in->l3 + sizeof(*ip);
		if (skip_extensions(ctx, in))
			return false;
	} else {
		struct iphdr *ip = at(ctx, in->l3, sizeof(*ip));

		if (!ip || ip->version != 4 || ip->ihl < 5 ||
		    ip->frag_off & bpf_htons(IP_FRAGMENT_MASK & ~0x2000))
			return false;
		in->src.v4 = ip->saddr;
		in->dst.v4 = ip->daddr;
		in->protocol = ip->protocol;
		in->l4 = in->l3 + ip->ihl * 4;
	}
	if (in->l4 > 768 || in->l4 + 8 > end ||
	    (in->protocol != IPPROTO_TCP && in->protocol != IPPROTO_UDP))
		return false;
	ports = at(ctx, in->l4, 8);
	if (!ports)
		return false;
	in->sport = ports[0];
	in->dport = ports[1];
	return true;
}

/*
 * One end of the quote and the same address of the outer header become `to`, `port`. In IPv4 the
 * quoted header's own checksum makes up for its address; in IPv6 ICMP's sum has both addresses.
 */
static __always_inline bool translate(struct xdp_md *ctx, struct packet *pkt, struct packet *in,
				      bool quoted_source, const struct addr *to, __be16 port)
{
	const struct addr *inner = quoted_source ? &in->src : &in->dst;
	const struct addr *outer = quoted_source ? &pkt->dst : &pkt->src;
	__be16 from_port = quoted_source ? in->sport : in->dport;
	__u64 delta = csum_delta16(from_port, port);
	struct icmp_header *icmp;
	__be16 *ports;

	if (!rewrite_address(ctx, in->l3, pkt->family, quoted_source, inner, to) ||
	    !rewrite_address(ctx, pkt->l3, pkt->family, !quoted_source, outer, to))
		return false;
	ports = at(ctx, in->l4, 8);
	icmp = at(ctx, pkt->l4, sizeof(*icmp));
	if (!ports || !icmp)
		return false;
	ports[quoted_source ? 0 : 1] = port;
	if (pkt->family == AF_INET6) {
		delta += csum_delta_addr(inner, to, AF_INET6);
		delta += csum_delta_addr(outer, to, AF_INET6);
	}
	csum_apply(&icmp->checksum, delta);
	return true;
}

/* The client's side speaks of an answer: on to the real server. */
__noinline int related_to_real(struct xdp_md *ctx, struct packet *pkt, struct packet *in,
			       __u32 number, __u32 tick)
{
	struct slot *slot;
	struct server *server;
	struct way way = {};
	struct addr real;
	__u32 id, method;
	__u64 w1;

	if (!pkt || !in)
		return V_DROP_INTERNAL;
	slot = conn_slot(pkt->family, number);
	if (!slot)
		return V_DROP_INTERNAL;
	w1 = READ(slot->w1);
	id = W1_SERVER(w1);
	method = W1_METHOD(w1);
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server)
		return V_DROP_INTERNAL;
	if (!pkt->dry && server->flags & SERVER_AVAILABLE)
		stats_request(id, pkt, false);
	if (server->flags & SERVER_LOCAL)
		return method == METHOD_NAT ? V_DROP_UNSUPPORTED : V_PASS_LOCAL_SERVER;
	if (pkt->ttl <= 1)
		return V_DROP_TTL;
	real = server->address;
	way.dry = pkt->dry;
	way_to_server(ctx, server, tick, &way);
	if (method == METHOD_TUN)
		return forward_tun(ctx, pkt, server, &way);
	if (pkt->dry)
		return leave(ctx, pkt, &way, V_TX_ICMP_RELATED);
	if (!rewrite_ttl(ctx, pkt))
		return V_DROP_INTERNAL;
	if (method == METHOD_NAT &&
	    !translate(ctx, pkt, in, true, &real, server->port ? server->port : in->sport))
		return V_DROP_INTERNAL;
	return leave(ctx, pkt, &way, V_TX_ICMP_RELATED);
}

/* The server's side speaks of a request: on to the client, in the VIP's name. */
__noinline int related_to_client(struct xdp_md *ctx, struct packet *pkt, struct packet *in,
				 __u32 number, __u32 tick)
{
	struct slot *slot;
	struct server *server;
	struct addr vip = {};
	struct way way = {};
	__u32 id;
	__u64 w1;

	if (!pkt || !in)
		return V_DROP_INTERNAL;
	slot = conn_slot(pkt->family, number);
	if (!slot)
		return V_DROP_INTERNAL;
	w1 = READ(slot->w1);
	id = W1_SERVER(w1);
	server = bpf_map_lookup_elem(&servers, &id);
	if (!server)
		return V_DROP_INTERNAL;
	if (!pkt->dry && server->flags & SERVER_AVAILABLE)
		stats_reply(id, pkt);
	if (W1_METHOD(w1) != METHOD_NAT)
		return V_PASS_DIRECT_REPLY;
	if (pkt->ttl <= 1)
		return V_DROP_TTL;
	if (!conn_virtual(pkt->family, number, w1, &vip))
		return V_DROP_INTERNAL;
	way.dry = pkt->dry;
	way_to_client(ctx, 0, &pkt->dst, pkt->family, tick, &way);
	if (pkt->dry)
		return leave(ctx, pkt, &way, V_TX_ICMP_RELATED);
	if (!rewrite_ttl(ctx, pkt) || !translate(ctx, pkt, in, false, &vip, (__be16)READ(slot->w0)))
		return V_DROP_INTERNAL;
	return leave(ctx, pkt, &way, V_TX_ICMP_RELATED);
}

/* The connection that the quote is of; *from_client: its sender is on the client's side. */
__noinline int related_find(struct packet *in, __u32 *from_client)
{
	struct conn_key key;
	int number;

	if (!in || !from_client)
		return -1;
	*from_client = 1;
	if (filter_has(&targets, &in->src)) {
		conn_key_reply(&key, in); /* the VIP speaks to the client */
		number = conn_find(&key);
		if (number >= 0)
			return number;
	}
	*from_client = 0;
	if (!filter_has(&sources, &in->dst))
		return -1;
	conn_key_request(&key, in); /* the client speaks to the real server */
	return conn_find_reply(&key);
}

__noinline int related(struct xdp_md *ctx, struct packet *pkt)
{
	struct clock *now = clock_row();
	struct icmp_header *icmp;
	struct packet in = {};
	__u32 from_client;
	enum verdict mine;
	int number;

	if (!pkt || !now)
		return V_DROP_INTERNAL;
	mine = pkt->ours ? V_PASS_ICMP : V_PASS_NOT_OURS;
	icmp = at(ctx, pkt->l4, sizeof(*icmp));
	if (!icmp || !is_error(pkt, icmp->type))
		return mine;
	in.family = pkt->family;
	in.l3 = pkt->l4 + sizeof(*icmp);
	if (!parse_quote(ctx, &in, pkt->l3 + pkt->length))
		return mine;
	number = related_find(&in, &from_client);
	if (number < 0)
		return mine;
	return from_client ? related_to_real(ctx, pkt, &in, number, now->tick) :
			     related_to_client(ctx, pkt, &in, number, now->tick);
}
