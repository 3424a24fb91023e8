// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc ingress: packets that XDP has finished but whose next hop has no known MAC. The kernel
 * resolves it, holds the packet meanwhile and sends it: the first packet is not lost. What does
 * not carry our mark goes on to whatever else stands on the interface.
 */
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "types.h"

SEC("tc")
int slow(struct __sk_buff *skb)
{
	struct handover *hand = (void *)(long)skb->data_meta;
	struct bpf_redir_neigh next = {};

	if ((void *)(hand + 1) > (void *)(long)skb->data || hand->magic != HANDOVER_MAGIC)
		return TC_ACT_UNSPEC;
	next.nh_family = hand->family;
	__builtin_memcpy(next.ipv6_nh, hand->next, sizeof(next.ipv6_nh));
	return bpf_redirect_neigh(hand->ifindex, &next, sizeof(next), 0);
}
