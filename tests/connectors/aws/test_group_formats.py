"""The formats of log groups as EC2 describes them, one of which is unusable."""

from __future__ import annotations

from typing import Any

from structlog.testing import capture_logs

from connectors import metrics
from connectors.aws.calls import Caller
from connectors.aws.group_formats import GroupFormats
from connectors.formats.by_log_group import Unusable
from connectors.formats.texts import Text
from tests.build import line

OURS = "${version} ${interface-id} ${start}"
QUOTED = "'${version} ${interface-id}'"


class Answering:
    """An EC2 whose DescribeFlowLogs answers what AWS was given: no emulator takes a quoted format."""

    def get_paginator(self, name: str) -> Answering:
        assert name == "describe_flow_logs"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        ours, theirs = (
            {"LogGroupName": "ours", "LogFormat": OURS},
            {"LogGroupName": "theirs", "LogFormat": QUOTED},
        )
        return [{"FlowLogs": [ours]}, {"FlowLogs": [theirs]}]


async def test_describe_meets_an_unusable_log_format_and_logs_it_once(monkeypatch: Any) -> None:
    monkeypatch.setattr("connectors.aws.group_formats.AGAIN_S", -1.0)
    formats = GroupFormats("default", "describe", Caller(metrics.CALLS, threads=1), Answering())
    with capture_logs() as logged:
        await formats.refresh()
        await formats.refresh()
    assert formats.now.of(Text(line(), log_group="ours")) == OURS
    assert formats.now.of(Text(line(), log_group="another")) == "default"
    refused = formats.now.of(Text(b"'2 eni-1'", log_group="theirs"))
    assert isinstance(refused, Unusable)
    assert "'theirs'" in refused.why
    assert QUOTED in refused.why
    assert [(one["log_group"], one["log_level"]) for one in logged if "log_group" in one] == [
        ("theirs", "error")
    ]
