// SPDX-License-Identifier: GPL-2.0-only
/* NAT: the destination becomes the real server, and on the answer the source the VIP again. */
#include "../packet/rewrite.h"
#include "forward.h"

__noinline int forward_nat(struct xdp_md *ctx, struct packet *pkt, struct server *server,
			   struct way *way)
{
	struct addr address;
	__be16 port;

	if (!pkt || !server || !way)
		return V_DROP_INTERNAL;
	address = server->address;
	port = server->port ? server->port : pkt->dport;
	if (!pkt->dry && (!rewrite_ttl(ctx, pkt) || !rewrite_end(ctx, pkt, false, &address, port)))
		return V_DROP_INTERNAL;
	return leave(ctx, pkt, way, V_TX_NAT);
}

__noinline int forward_nat_reply(struct xdp_md *ctx, struct packet *pkt, struct endpoint *vip,
				 struct way *way)
{
	if (!pkt || !vip || !way)
		return V_DROP_INTERNAL;
	if (!pkt->dry &&
	    (!rewrite_ttl(ctx, pkt) || !rewrite_end(ctx, pkt, true, &vip->address, vip->port)))
		return V_DROP_INTERNAL;
	return leave(ctx, pkt, way, V_TX_NAT_REPLY);
}
