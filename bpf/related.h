/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors follow the connection that they are about (ip_vs_core.c, ip_vs_in_icmp and
 * ip_vs_out_icmp): what a client's side says of an answer goes to the real server, what a
 * server's side says of a request goes to the client. Echo and the rest are the stack's.
 */
#pragma once

#include "packet/view.h"

int related(struct xdp_md *ctx, struct packet *pkt);
