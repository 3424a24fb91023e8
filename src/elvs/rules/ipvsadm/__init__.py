"""ipvsadm's language: command lines, listings, the save format (ipvsadm 1.31, ipvsadm.c)."""
