// SPDX-License-Identifier: GPL-2.0-only
/* DR: the packet as it came, to the real server's MAC. */
#include "../packet/rewrite.h"
#include "forward.h"

__noinline int forward_dr(struct xdp_md *ctx, struct packet *pkt, struct server *server,
			  struct way *way)
{
	if (!pkt || !server || !way)
		return V_DROP_INTERNAL;
	if (!pkt->dry && !rewrite_ttl(ctx, pkt))
		return V_DROP_INTERNAL;
	return leave(ctx, pkt, way, V_TX_DR);
}
