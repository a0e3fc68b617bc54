"""The storage of a node: the arguments that format it, and its cluster id. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import pybase64


def new_cluster_id(unique: bytes) -> str:
    """Return 16 bytes as a cluster id: URL-safe base64, as `kafka-storage random-uuid` prints it.

    It never begins with a hyphen, which the tool would read as an option.
    """
    name = pybase64.urlsafe_b64encode(unique).decode().rstrip("=")
    return f"_{name[1:]}" if name.startswith("-") else name


def cluster_id(meta_properties: str) -> str:
    """Return the cluster id in the text of `meta.properties`; empty if it has none."""
    pairs = (line.partition("=") for line in meta_properties.splitlines())
    return next((value for name, _, value in pairs if name == "cluster.id"), "")


def format_arguments(cluster: str, config: str, scram: Sequence[str]) -> list[str]:
    """Return the main class and the arguments that format storage; `scram` is of `scram_credentials`."""
    added = [argument for credential in scram for argument in ("--add-scram", credential)]
    return ["kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", config, *added]
