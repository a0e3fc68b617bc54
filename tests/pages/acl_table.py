"""The table of `docs/operations.md` with the ACLs of each process."""

from __future__ import annotations

from connectors.kafka.clients.acls import PROCESSES, Acl, acls

PREFIX = "vpcflow."


def table() -> str:
    """Return one row for each process, operation and kind of resource."""
    rows = ["| process | operation | resource | names |", "|---|---|---|---|"]
    for process in PROCESSES:
        grouped: dict[tuple[str, str], list[Acl]] = {}
        for acl in acls(process, PREFIX):
            grouped.setdefault((acl.operation, acl.resource), []).append(acl)
        for (operation, resource), found in grouped.items():
            names = ", ".join(f"`{one.name}{'*' if one.is_prefix else ''}`" for one in found)
            rows.append(f"| {process} | {operation} | {resource} | {names} |")
    return "\n".join(rows)
