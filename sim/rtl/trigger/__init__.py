"""Bench of trigger: random messages and rows, one model in plain Python."""
