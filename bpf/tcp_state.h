/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPVS's TCP state machine (ip_vs_proto_tcp.c): next state by direction, event and state. Answers
 * that bypass the director are never seen, hence the third direction.
 */
#pragma once

#include "conn.h"

enum direction { DIR_REQUEST, DIR_REPLY, DIR_REQUEST_ONLY };
enum tcp_event { EVENT_SYN, EVENT_FIN, EVENT_ACK, EVENT_RST };

#define NO TCP_S_NONE
#define ES TCP_S_ESTABLISHED
#define SS TCP_S_SYN_SENT
#define SR TCP_S_SYN_RECV
#define FW TCP_S_FIN_WAIT
#define TW TCP_S_TIME_WAIT
#define CL TCP_S_CLOSE
#define CW TCP_S_CLOSE_WAIT
#define LA TCP_S_LAST_ACK
#define LI TCP_S_LISTEN
#define SA TCP_S_SYNACK

/* clang-format off */
static const __u8 tcp_next_state[3][4][16] = {
	/* from:	    NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */
	[DIR_REQUEST] = {
		[EVENT_SYN] = { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },
		[EVENT_FIN] = { CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW },
		[EVENT_ACK] = { ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },
		[EVENT_RST] = { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR },
	},
	[DIR_REPLY] = {
		[EVENT_SYN] = { SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR },
		[EVENT_FIN] = { TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },
		[EVENT_ACK] = { ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },
		[EVENT_RST] = { CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },
	},
	[DIR_REQUEST_ONLY] = {
		[EVENT_SYN] = { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },
		[EVENT_FIN] = { CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW },
		[EVENT_ACK] = { ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },
		[EVENT_RST] = { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },
	},
};
/* clang-format on */

#undef NO
#undef ES
#undef SS
#undef SR
#undef FW
#undef TW
#undef CL
#undef CW
#undef LA
#undef LI
#undef SA

static __always_inline __u32 tcp_next(enum direction dir, __u8 flags, __u32 state)
{
	__u32 event = flags & TCP_RST ? EVENT_RST :
		      flags & TCP_SYN ? EVENT_SYN :
		      flags & TCP_FIN ? EVENT_FIN :
					EVENT_ACK;

	if (!(flags & (TCP_RST | TCP_SYN | TCP_FIN | TCP_ACK)))
		return TCP_S_CLOSE;
	return tcp_next_state[dir & 3 ? (dir == DIR_REPLY ? 1 : 2) : 0][event][state & 15];
}

/* as tcp_state_active_table */
static __always_inline bool tcp_active(__u32 state)
{
	return state == TCP_S_ESTABLISHED || state == TCP_S_SYN_SENT || state == TCP_S_SYN_RECV ||
	       state == TCP_S_SYNACK;
}
