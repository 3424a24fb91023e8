/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP that the stack would have sent for IPVS: about this packet, from its destination (the VIP)
 * to its source, quoting as much as the kernel quotes (RFC 1812, 4.3.2.3; RFC 4443, 2.4).
 */
#pragma once

#include "nexthop.h"

/* <linux/icmp.h> drags in the C library; both versions share this header (RFC 792, RFC 4443) */
struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 rest; /* MTU of "too big" */
};

#define ICMP4_UNREACHABLE 3
#define ICMP4_SOURCE_QUENCH 4
#define ICMP4_TIME_EXCEEDED 11
#define ICMP6_UNREACHABLE 1
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_ERRORS 128 /* types below are errors */

/* Carries out one of V_TX_PORT_UNREACHABLE .. V_TX_TOO_BIG (then pkt->mtu says what fits). */
int icmp_answer(struct xdp_md *ctx, struct packet *pkt, __u32 verdict);
