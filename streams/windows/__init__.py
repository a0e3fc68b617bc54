"""Partial sums in, windows out. Pure."""
