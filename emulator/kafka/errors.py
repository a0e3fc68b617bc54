"""What can go wrong with a local Kafka. The messages are sentences for people."""

from __future__ import annotations


class KafkaFailed(RuntimeError):
    """Kafka cannot be had, did not start, or ended; the message says why, with the end of its log."""


class JarError(KafkaFailed):
    """A jar cannot be fetched, or is not the listed one; the message says which."""
