"""Streams and shards as functions of time. Pure."""
