"""Commands: text in, library verbs, text out. One file per noun."""
