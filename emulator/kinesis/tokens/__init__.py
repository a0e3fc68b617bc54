"""Opaque tokens that clients receive and send back. Pure.

`tokens` encodes values, `iterators` has shard iterators, `pages` pagination tokens.
"""
