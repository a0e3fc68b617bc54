"""The messages to the simulator process: JSON, one object per line. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from emulator.flowlogs.flow_log import DestinationOptions, FlowLog, Settings, TagFields
from emulator.scope import Scope
from emulator.world.settings import WorldSettings, read


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The input of the simulator. A new `run` starts a new world; a new `revision` makes it read EC2 again.

    `undo` has the EC2 calls, as (account, Region, operation, request), that undo the changes of a process
    that ended unexpectedly.
    """

    flow_logs: Sequence[FlowLog]
    revision: int
    run: int
    world: WorldSettings
    undo: Sequence[Sequence[Any]] = ()

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return {
            "flow_logs": [_flow_log_document(one) for one in self.flow_logs],
            "revision": self.revision,
            "run": self.run,
            "world": self.world.document(),
            "undo": self.undo,
        }


def snapshot(document: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot of a JSON document."""
    flow_logs = [_flow_log(one) for one in document["flow_logs"]]
    numbers = document["revision"], document["run"]
    return Snapshot(flow_logs, *numbers, read(document["world"]), tuple(document["undo"]))


def _flow_log_document(flow_log: FlowLog) -> dict[str, object]:
    return {
        "flow_log_id": flow_log.flow_log_id,
        "scope": [flow_log.scope.account, flow_log.scope.region],
        "resource_id": flow_log.resource_id,
        "created_ms": flow_log.created_ms,
        "settings": asdict(flow_log.settings),
    }


def _flow_log(document: Mapping[str, Any]) -> FlowLog:
    given = dict(document["settings"])
    options = given.pop("options")
    tags = given.pop("tag_fields")
    given["fields"] = tuple(given["fields"])
    settings = Settings(
        **given,
        options=DestinationOptions(**options) if options else None,
        tag_fields=tuple(TagFields(one["resource_type"], tuple(one["tag_keys"])) for one in tags),
    )
    return FlowLog(
        document["flow_log_id"],
        Scope(*document["scope"]),
        document["resource_id"],
        settings,
        document["created_ms"],
    )
