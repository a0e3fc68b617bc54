"""The parts of the system that `vpcflow check` tests, chosen by the given settings. Pure."""

from __future__ import annotations

from collections.abc import Iterable

SOURCES = {
    "kinesis": ("VPCFLOW_STREAM",),
    "s3": ("VPCFLOW_S3_BUCKET", "VPCFLOW_S3_QUEUE"),
    "firehose": (
        "VPCFLOW_FIREHOSE_HOST",
        "VPCFLOW_FIREHOSE_PORT",
        "VPCFLOW_FIREHOSE_KEY",
        "VPCFLOW_FIREHOSE_CERT",
    ),
}
ON_REQUEST = {
    "inventory": (
        "VPCFLOW_INVENTORY_REGIONS",
        "VPCFLOW_INVENTORY_ROLES",
        "VPCFLOW_AWS_RANGES",
        "VPCFLOW_PREFIX_LISTS",
    ),
    "archive": ("VPCFLOW_ARCHIVE",),
    "notify": ("VPCFLOW_WEBHOOK",),
}
"""The settings by which a part is tested without its name on the command line."""
PARTS = (*SOURCES, "inventory", "work", "archive", "serve", "notify")


def processes(chosen: Iterable[str]) -> tuple[str, ...]:
    """Return the processes of some parts, by subcommand: every source is read by `connect`."""
    return tuple(dict.fromkeys("connect" if part in SOURCES else part for part in chosen))


def parts(wanted: str | None, given: Iterable[str]) -> tuple[str, ...]:
    """Return the parts to test: `wanted`, or without it every source that the settings name.

    `given` are the environment variables whose value is not the default. If they name no source, Kinesis is
    tested, because its stream has a default.
    """
    if wanted:
        return (wanted,)
    names = frozenset(given)
    chosen = tuple(source for source, variables in SOURCES.items() if names.intersection(variables))
    more = (part for part, variables in ON_REQUEST.items() if names.intersection(variables))
    return (*(chosen or ("kinesis",)), *more)
