"""Opaque strings that a caller gets and returns. Pure."""
