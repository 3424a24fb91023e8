// SPDX-License-Identifier: GPL-2.0-only
/* TUN: the packet inside another that the real server unpacks. IPIP: 4 in 4, 6 in 6. */
#include "../packet/encap.h"
#include "../packet/mss.h"
#include "../packet/rewrite.h"
#include "forward.h"

static __always_inline bool inner_tos(struct xdp_md *ctx, struct packet *pkt, __u8 *tos)
{
	__u8 *ip = at(ctx, pkt->l3, 2);

	if (!ip)
		return false;
	*tos = pkt->family == AF_INET6 ? ip[0] << 4 | ip[1] >> 4 : ip[1];
	return true;
}

__noinline int forward_tun(struct xdp_md *ctx, struct packet *pkt, struct server *server,
			   struct way *way)
{
	struct outer outer = {};
	__u32 headers;
	__u8 tos;

	if (!pkt || !server || !way)
		return V_DROP_INTERNAL;
	if (pkt->dry)
		return leave(ctx, pkt, way, V_TX_TUN);
	headers = 2 * ip_header_size(pkt) + sizeof(struct tcphdr);
	if (pkt->protocol == IPPROTO_TCP && pkt->tcp_flags & TCP_SYN && way->mtu > headers)
		mss_clamp(ctx, pkt, way->mtu - headers);
	if (!rewrite_ttl(ctx, pkt) || !inner_tos(ctx, pkt, &tos))
		return V_DROP_INTERNAL;
	outer.source = server->tunnel_source;
	outer.destination = server->address;
	outer.family = pkt->family;
	outer.protocol = pkt->family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	outer.ttl = pkt->ttl;
	outer.tos = encap_tos(tos);
	outer.dont_fragment = pkt->dont_fragment;
	if (!encap(ctx, pkt, &outer))
		return V_DROP_NO_ROOM;
	return leave(ctx, pkt, way, V_TX_TUN);
}
