"""The errors of a local Kafka. Their messages are sentences for the person at the terminal."""

from __future__ import annotations


class KafkaFailed(RuntimeError):
    """Kafka was not found, did not start, or ended; the message has the reason and the end of its log."""


class JarError(KafkaFailed):
    """A jar cannot be fetched, or differs from the list; the message names it."""


class PortInUse(KafkaFailed):
    """Another program listens on the port; the message names the port."""
