"""Benches: figures as ratios in one run, against what a user would otherwise pick."""
