"""Opaque strings that a caller gets and returns. Pure.

`tokens` seals values, `iterators` are shard iterators, `pages` the tokens of lists.
"""
