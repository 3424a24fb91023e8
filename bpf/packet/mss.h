/* SPDX-License-Identifier: GPL-2.0-only */
/* Clamps the MSS that a SYN announces (RFC 9293, 3.7.1), so that what is encapsulated fits. */
#pragma once

#include "csum.h"

#define TCP_OPTIONS_MAX 40
#define TCPOPT_END 0
#define TCPOPT_NOP 1
#define TCPOPT_MSS 2

/* Offset of the MSS value from the TCP header, 0 when the SYN has none. */
static __always_inline __u32 mss_offset(struct xdp_md *ctx, __u32 l4)
{
	struct tcphdr *tcp = at(ctx, l4, sizeof(*tcp));
	__u32 offset = sizeof(*tcp), end;

	if (!tcp)
		return 0;
	end = tcp->doff * 4;
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		__u8 *option;

		if (offset + 4 > end)
			return 0;
		option = at(ctx, l4 + offset, 4);
		if (!option || option[0] == TCPOPT_END)
			return 0;
		if (option[0] == TCPOPT_NOP) {
			offset++;
			continue;
		}
		if (option[0] == TCPOPT_MSS)
			return option[1] == 4 ? offset + 2 : 0;
		if (option[1] < 2)
			return 0;
		offset += option[1];
	}
	return 0;
}

/* A value at an odd offset stands across two checksum words: its sum is taken byte-swapped. */
static __always_inline void mss_clamp(struct xdp_md *ctx, struct packet *pkt, __u32 most)
{
	__u32 offset = mss_offset(ctx, pkt->l4);
	struct tcphdr *tcp;
	__u8 *value;
	__u16 from, to;

	if (!offset)
		return;
	value = at(ctx, pkt->l4 + offset, 2);
	if (!value || (__u32)(value[0] << 8 | value[1]) <= most)
		return;
	from = offset & 1 ? value[1] | value[0] << 8 : value[0] | value[1] << 8;
	value[0] = most >> 8;
	value[1] = most;
	to = offset & 1 ? value[1] | value[0] << 8 : value[0] | value[1] << 8;
	tcp = at(ctx, pkt->l4, sizeof(*tcp));
	if (tcp)
		csum_apply(&tcp->check, csum_delta16(from, to));
}
