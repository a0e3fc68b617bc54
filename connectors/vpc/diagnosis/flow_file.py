"""The records of a flow-log text whose lines follow a header that names the fields. Pure.

A later header changes the fields of the lines after it: files of several flow logs are often concatenated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Record = Mapping[str, str]
_HEADER_WORDS = frozenset({"srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr", "interface-id", "action"})
_BOM = "\ufeff"


class BadFlows(Exception):
    """The error for a file that is no flow log. The message is one sentence."""


def records(text: str) -> Iterator[Record]:
    """Yield the records. Raises `BadFlows`."""
    fields: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), 1):
        values = line.removeprefix(_BOM).split()
        names = tuple(value.strip("${}").replace("_", "-") for value in values)
        if not fields or len(_HEADER_WORDS & {*names}) > 1:
            if values or number > 1:
                fields = _checked(names, number)
            continue
        if len(values) == len(fields) + 1 and "T" in values[0] and values[0][:1].isdigit():
            values = values[1:]  # CloudWatch Logs can put the time of the event first.
        if values and len(values) != len(fields):
            raise BadFlows(
                f"Line {number} of the flow-log file has {len(values)} values, but its header names "
                f"{len(fields)} fields."
            )
        if values:
            yield dict(zip(fields, values, strict=True))
    if not fields:
        raise BadFlows(_MISSING.format(1))


_MISSING = "Line {} of the flow-log file must name its fields, with srcaddr, dstaddr and action."


def _checked(names: tuple[str, ...], number: int) -> tuple[str, ...]:
    has_addresses = {"srcaddr", "dstaddr"} <= {*names} or {"pkt-srcaddr", "pkt-dstaddr"} <= {*names}
    if not has_addresses or "action" not in names:
        raise BadFlows(_MISSING.format(number))
    if len(set(names)) != len(names):
        raise BadFlows(f"Line {number} of the flow-log file names a field twice.")
    return names
