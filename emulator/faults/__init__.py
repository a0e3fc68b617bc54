"""Faults on demand, as FAULTS.md documents them."""
