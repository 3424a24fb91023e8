/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every struct and enum that the data plane shares with Python. This is the only place where a
 * layout is written down: dataplane/layout.py is generated from the BTF of what is declared here,
 * and compared with it again when the object is loaded. Nothing here depends on a program.
 *
 * Ticks are hundredths of a second (clock.tick). Fields in network order have __be types.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#define AF_INET 2
#define AF_INET6 10

#define TICK_NS 10000000ull
#define TICKS_PER_SECOND 100

/* IPv4 in the first four bytes, the rest zero */
struct addr {
	union {
		__be32 v4;
		__be32 v6[4];
		__u64 half[2];
	};
};

/* --- what may happen to a packet; the class is in the name, see verdict.h --- */
#define VERDICTS(X)            \
	X(CONTINUE)            \
	X(PASS_NOT_IP)         \
	X(PASS_NOT_OURS)       \
	X(PASS_MALFORMED)      \
	X(PASS_FRAGMENT)       \
	X(PASS_PROTOCOL)       \
	X(PASS_ICMP)           \
	X(PASS_NO_SERVICE)     \
	X(PASS_NOT_OPENING)    \
	X(PASS_NO_CONNECTION)  \
	X(PASS_DIRECT_REPLY)   \
	X(PASS_PROTECTED)      \
	X(PASS_LOCAL_SERVER)   \
	X(SLOW_NEIGHBOUR)      \
	X(TX_NAT)              \
	X(TX_NAT_REPLY)        \
	X(TX_DR)               \
	X(TX_TUN)              \
	X(TX_ICMP_RELATED)     \
	X(TX_PORT_UNREACHABLE) \
	X(TX_HOST_UNREACHABLE) \
	X(TX_TIME_EXCEEDED)    \
	X(TX_TOO_BIG)          \
	X(DROP_TABLE_FULL)     \
	X(DROP_BUCKETS_FULL)   \
	X(DROP_RACE)           \
	X(DROP_SERVER_GONE)    \
	X(DROP_NO_SERVER)      \
	X(DROP_NO_ROUTE)       \
	X(DROP_TTL)            \
	X(DROP_TOO_BIG)        \
	X(DROP_NO_ROOM)        \
	X(DROP_UNSUPPORTED)    \
	X(DROP_INTERNAL)

enum verdict {
#define X(name) V_##name,
	VERDICTS(X)
#undef X
		V_COUNT,
};

/* --- virtual services and real servers --- */
enum method { /* as IP_VS_CONN_F_FWD_MASK */
	      METHOD_NAT,
	      METHOD_LOCAL,
	      METHOD_TUN,
	      METHOD_DR,
	      METHOD_BYPASS,
	      METHOD_FULLNAT,
};

struct service_key {
	struct addr address;
	__u32 mark;
	__be16 port;
	__u8 protocol;
	__u8 family;
};

enum service_flags {
	SERVICE_LIVE = 1,
	SERVICE_OWN_ADDRESS = 2, /* the director's own address: protected ports stay the stack's */
};

/*
 * A virtual service. Written by user space alone, a 64-bit word at a time; `pool` is the commit:
 * offset | length << 32 into the pool map, newest server first.
 */
struct service {
	struct service_key key;
	__u64 pool;
	__u8 scheduler; /* enum scheduler */
	__u8 flags; /* enum service_flags */
	__u16 ipvs_flags; /* IP_VS_SVC_F_* */
	__u32 persistence; /* seconds */
	__u32 netmask;
	__u32 wrr_max; /* greatest weight - (gcd - 1), as IPVS's mw */
	__u32 wrr_gcd; /* IPVS's di */
	__u32 generation;
};
_Static_assert(sizeof(struct service) == 56, "service");

/* Where the scheduler stands. Swapped whole: rr and wrr keep position | current weight << 32. */
struct service_state {
	__u64 cursor;
};

struct pool_entry {
	__u32 server;
	__s32 weight;
};

enum server_flags {
	SERVER_LIVE = 1, /* the row is in use */
	SERVER_AVAILABLE = 2, /* cleared when removed while connections still refer to it */
	SERVER_LOCAL = 4, /* the address is the director's own */
	SERVER_IN_SOURCES = 8, /* user space's: holds a reference in `sources`, also once not NAT */
};

/* A real server of one service. Written by user space, except `route`. */
struct server {
	struct addr address;
	__be16 port; /* 0: that of the packet */
	__u8 family;
	__u8 method; /* enum method */
	__u32 flags; /* enum server_flags */
	__u64 route; /* cache of the data plane: tick of the look-up | hop << 32 */
	__u32 service;
	__s32 weight;
	struct addr tunnel_source;
	__u8 tunnel; /* 0 IPIP, 1 GUE, 2 GRE */
	__u8 tunnel_flags;
	__be16 tunnel_port;
	__u32 removed; /* tick of removal */
};
_Static_assert(sizeof(struct server) == 64, "server");

/* Exact shared integers, changed on state transitions only. */
struct load {
	__u32 active;
	__u32 inactive;
	__u32 templates;
	__u32 flags; /* 1: overloaded */
	__u32 upper;
	__u32 lower;
	__u64 unused;
};
_Static_assert(sizeof(struct load) == 32, "load");

struct counters {
	__u64 connections;
	__u64 in_packets;
	__u64 in_bytes;
	__u64 out_packets;
	__u64 out_bytes;
};

/* IPVS's estimator (ip_vs_est.c): every 2 s avg += (rate - avg) >> 2, scaled 2^10, bytes 2^5 */
struct rates {
	struct counters last;
	__u64 connections;
	__u64 in_packets;
	__u64 in_bytes;
	__u64 out_packets;
	__u64 out_bytes;
};

/* --- is this address ours at all? 64 addresses a row; `refs` belongs to user space --- */
#define FILTER_ROWS 4096
struct filter_row {
	__u64 bits;
	__u16 refs[64];
};

/* --- connections: see conn.h --- */
#define SLOTS 5
struct slot {
	__u64 w0; /* client address 32 | client port 16 | virtual port 16; 0 = nobody */
	__u64 w1; /* virtual address 32 | server 20 | method 3 | k 4 | protocol 2 | template 1 | 2 free */
	__u64 w2; /* hop 12 | packets 7 | flags 5 | state 5 | life 3 | tick of last use 32 */
};
struct bucket {
	__u64 head; /* bits 0-3 far, 8-23 nfar */
	struct slot slot[SLOTS];
};
_Static_assert(sizeof(struct bucket) == 128, "bucket");
struct tail { /* full IPv6 addresses */
	struct addr client;
	struct addr virtual;
};
struct tails {
	struct tail tail[SLOTS];
};

enum conn_protocol { CONN_TCP, CONN_UDP, CONN_SCTP, CONN_OTHER };
enum conn_life { LIFE_FREE, LIFE_DEAD, LIFE_CLAIM, LIFE_KILLED, LIFE_DYING, LIFE_LIVE };
enum conn_flags {
	CONN_INACTIVE = 1,
	CONN_NOOUTPUT = 2, /* no answer was ever seen here */
	CONN_NO_CPORT = 4,
	CONN_EXTRA = 8,
	CONN_HOP_STALE = 16, /* the way back to the client is to be looked up again */
};

/* numbered as IPVS (ip_vs.h) */
enum tcp_state {
	TCP_S_NONE,
	TCP_S_ESTABLISHED,
	TCP_S_SYN_SENT,
	TCP_S_SYN_RECV,
	TCP_S_FIN_WAIT,
	TCP_S_TIME_WAIT,
	TCP_S_CLOSE,
	TCP_S_CLOSE_WAIT,
	TCP_S_LAST_ACK,
	TCP_S_LISTEN,
	TCP_S_SYNACK,
	TCP_S_COUNT,
};

/* --- the way out: interned device and MACs --- */
#define HOPS 4096
struct hop {
	__u32 ifindex; /* 0: free */
	__u16 mtu;
	__u16 vlan;
	__u8 macs[12]; /* destination and source as they stand in a frame */
	__u32 checked; /* tick of the last look-up of `probe` */
	__u32 used; /* tick */
	struct addr probe; /* an address that is reached this way */
	struct addr next; /* the neighbour itself: a gateway, or `probe` */
	__u8 family; /* of probe */
	__u8 next_family;
	__u8 pad[6];
	__u32 claim;
	__u32 unused[13]; /* a row is two whole lines */
};
_Static_assert(sizeof(struct hop) == 128, "hop");

/* what XDP hands to tc in the metadata area */
#define HANDOVER_MAGIC 0x656c7653
struct handover {
	__u32 magic;
	__u32 ifindex;
	__u32 family;
	__u32 next[4];
};

/* --- settings, clock --- */
#define STATES 16
#define PROTECTED_PORTS 16
struct settings {
	__u32 timeout[4][STATES]; /* ticks, by enum conn_protocol and state */
	__u32 services4; /* how many services of a family there are */
	__u32 services6;
	__u16 protected_ports[PROTECTED_PORTS]; /* 0 = none; host order */
};

struct clock {
	__u64 ns;
	__u32 tick;
	__u32 version;
	__u32 used[2]; /* living connections, IPv4 and IPv6, as of the last tick */
	__u32 sweep_at[2];
	__u32 estimate_at;
	__u32 worst_ns; /* longest tick so far */
	__u64 ticks;
};

/* Constants of one load; in .rodata, so the verifier prunes by them. */
struct config {
	__u64 seed[2];
	__u32 bucket_mask[2]; /* IPv4, IPv6 */
	__u32 connections[2]; /* limits */
	__u32 cpus;
	__u32 servers;
	__u32 version;
	__u32 pad;
};

/* what `elvs explain` reads back */
struct explanation {
	__u32 verdict; /* enum verdict */
	__u32 service; /* id + 1, 0 = none */
	__u32 server; /* id + 1, 0 = none */
	__u32 known; /* 1: an existing connection */
};
