/* SPDX-License-Identifier: GPL-2.0-only */
/* Which virtual service a new connection is for. */
#pragma once

#include "maps.h"
#include "packet/view.h"

static __always_inline struct service *service_lookup(const struct packet *pkt, __u32 *id)
{
	struct service_key key = {
		.address = pkt->dst,
		.port = pkt->dport,
		.protocol = pkt->protocol,
		.family = pkt->family,
	};
	__u32 *found = bpf_map_lookup_elem(&service_ids, &key);
	struct service *service;

	if (!found)
		return NULL;
	*id = *found;
	service = bpf_map_lookup_elem(&services, id);
	return service && service->flags & SERVICE_LIVE ? service : NULL;
}

/* Ports that stay the director's own on its own addresses, whatever services say. */
static __always_inline bool service_protected(const struct service *service, __be16 port)
{
	struct settings *set;
	__u32 zero = 0;

	if (!(service->flags & SERVICE_OWN_ADDRESS))
		return false;
	set = bpf_map_lookup_elem(&settings, &zero);
	for (int i = 0; set && i < PROTECTED_PORTS; i++)
		if (set->protected_ports[i] && bpf_htons(set->protected_ports[i]) == port)
			return true;
	return false;
}
