/* SPDX-License-Identifier: GPL-2.0-only */
/* Keyed hash: SipHash-1-3 (Aumasson, Bernstein) of one 8-byte block of fixed length. */
#pragma once

#include "maps.h"

#define SIP_ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define SIP_ROUND(v0, v1, v2, v3)           \
	do {                                \
		v0 += v1;                   \
		v1 = SIP_ROTL(v1, 13) ^ v0; \
		v0 = SIP_ROTL(v0, 32);      \
		v2 += v3;                   \
		v3 = SIP_ROTL(v3, 16) ^ v2; \
		v0 += v3;                   \
		v3 = SIP_ROTL(v3, 21) ^ v0; \
		v2 += v1;                   \
		v1 = SIP_ROTL(v1, 17) ^ v2; \
		v2 = SIP_ROTL(v2, 32);      \
	} while (0)

static __always_inline __u64 siphash(__u64 block)
{
	__u64 k0 = config.seed[0], k1 = config.seed[1];
	__u64 v0 = k0 ^ 0x736f6d6570736575ull, v1 = k1 ^ 0x646f72616e646f6dull;
	__u64 v2 = k0 ^ 0x6c7967656e657261ull, v3 = k1 ^ 0x7465646279746573ull;

	v3 ^= block;
	SIP_ROUND(v0, v1, v2, v3);
	v0 ^= block;
	v2 ^= 0xff;
	SIP_ROUND(v0, v1, v2, v3);
	SIP_ROUND(v0, v1, v2, v3);
	SIP_ROUND(v0, v1, v2, v3);
	return v0 ^ v1 ^ v2 ^ v3;
}
