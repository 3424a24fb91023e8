/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forwarding methods: one file each, all called alike, TTL seen to by the caller. Each
 * writes the packet and sends it `way`; on failure the packet may be half written and is dropped.
 */
#pragma once

#include "../packet/nexthop.h"

struct endpoint {
	struct addr address;
	__be16 port;
	__u16 pad[3];
};

int forward_nat(struct xdp_md *ctx, struct packet *pkt, struct server *server, struct way *way);
int forward_nat_reply(struct xdp_md *ctx, struct packet *pkt, struct endpoint *vip,
		      struct way *way);
int forward_dr(struct xdp_md *ctx, struct packet *pkt, struct server *server, struct way *way);
int forward_tun(struct xdp_md *ctx, struct packet *pkt, struct server *server, struct way *way);
