/* SPDX-License-Identifier: GPL-2.0-only */
/* One record per real server and CPU; services and totals are sums that user space makes. */
#pragma once

#include "maps.h"
#include "packet/view.h"

static __always_inline struct counters *stats_of(__u32 server)
{
	return bpf_map_lookup_elem(&traffic, &server);
}

static __always_inline void stats_request(__u32 server, const struct packet *pkt, bool opened)
{
	struct counters *c = stats_of(server);

	if (!c)
		return;
	c->in_packets++;
	c->in_bytes += pkt->length;
	c->connections += opened;
}

static __always_inline void stats_reply(__u32 server, const struct packet *pkt)
{
	struct counters *c = stats_of(server);

	if (!c)
		return;
	c->out_packets++;
	c->out_bytes += pkt->length;
}
