"""The library over the kernel's tables: verbs to read and change a director; plan, journal."""
