/* SPDX-License-Identifier: GPL-2.0-only */
/* What the real server's program shares with elvs.realserver.decap. */
#pragma once

#include "types.h"

/* key of `receivers` and `vips`; family keeps 192.0.2.1 apart from c000:201:: */
struct tunnel_address {
	struct addr address;
	__u32 family;
	__u32 pad;
};

/* what became of a packet that carried another; `unpacked` counts them in this order */
enum unpacking {
	UNPACK_DONE, /* the inner packet goes on to the stack */
	UNPACK_PASS_OTHER, /* not to us, or no VIP inside: some other tunnel's */
	UNPACK_PASS_FRAGMENT, /* of the outer packet: only the stack can join them */
	UNPACK_PASS_REFUSED, /* the kernel would not shorten it (UDP segmentation) */
	UNPACK_DROP_MALFORMED, /* an inner header that lies, or is cut off */
	UNPACK_DROP_ECN, /* congestion marked outside, no ECN inside (RFC 6040, 4.2) */
	UNPACK_COUNT,
};
