"""The library over the kernel's tables: verbs that read and change a director, plan, journal, lock."""
