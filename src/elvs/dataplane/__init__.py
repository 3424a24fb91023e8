"""The kernel's side as Python sees it: maps, programs, hooks. Knows layouts, knows no policy."""
