"""CloudWatch envelopes: each log group's format, by DescribeFlowLogs, by a setting, or by a header."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from connectors.formats.envelope import control_message, wrap_subscription
from tests.connectors.kinesis.scene import Scene, connecting

pytestmark = [pytest.mark.kafka, pytest.mark.moto]

SHORT = "${version} ${interface-id} ${start} ${end} ${action}"
LINES = [f"5 eni-0a1b2c3d4e5f60718 {1_700_000_000 + i} {1_700_000_060 + i} ACCEPT" for i in range(3)]


def enveloped(group: str, lines: list[str]) -> bytes:
    return wrap_subscription(
        "eni-1-all", [(str(i), 1, text) for i, text in enumerate(lines)], log_group=group
    )


async def formats_of(scene: Scene, count: int) -> dict[str, set[tuple[str, str]]]:
    """Return the formats and accounts of blocks, by the first field of their lines."""
    seen = await scene.until(lambda seen: len(seen.lines) >= count)
    assert seen.dead == []
    found: dict[str, set[tuple[str, str]]] = {}
    for block in seen.blocks:
        found.setdefault(block["format"], set()).add((block["account"], block["region"]))
    return found


async def test_a_flow_log_made_while_it_runs_is_asked_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown group is looked up before its first line is committed, so none is misread."""
    monkeypatch.setattr("connectors.aws.group_formats.AGAIN_S", 0.0)
    scene.create()
    async with connecting(scene.settings(group_formats="describe")):
        scene.put_data([control_message(), enveloped("nobody-describes", ["2 1 eni-1"])])
        await scene.until(lambda seen: len(seen.lines) == 1)
        parameters = scene.account.settings(LogGroupName="short", LogFormat=SHORT)
        await asyncio.to_thread(lambda: scene.account.create(**parameters))
        scene.put_data([enveloped("short", LINES)])
        found = await formats_of(scene, 4)
    assert found == {"default": {("123456789012", "eu-west-1")}, SHORT: {("123456789012", "eu-west-1")}}


async def test_a_setting_or_a_header_says_it(scene: Scene) -> None:
    scene.create()
    header = "start interface-id"
    groups = orjson.dumps({"short": SHORT}).decode()
    async with connecting(scene.settings(group_formats=groups, account="111122223333")):
        scene.put_data([enveloped("short", LINES), f"{header}\n1 eni-1".encode(), b"2 1 eni-1"])
        found = await formats_of(scene, 5)
    assert set(found) == {SHORT, "${start} ${interface-id}", "default"}
    assert found[SHORT] == {("111122223333", "eu-west-1")}


async def test_describe_with_an_unusable_log_format_refuses_the_lines_of_that_group_only(
    scene: Scene,
) -> None:
    """AWS takes a format without `start`, but its lines have no window."""
    unusable = "${version} ${interface-id}"
    scene.create()
    for group, line_format in (("short", SHORT), ("other-team", unusable)):
        parameters = scene.account.settings(LogGroupName=group, LogFormat=line_format)
        await asyncio.to_thread(lambda given=parameters: scene.account.create(**given))
    async with connecting(scene.settings(group_formats="describe")):
        scene.put_data([enveloped("other-team", ["2 eni-1", "2 eni-2"]), enveloped("short", LINES)])
        seen = await scene.until(lambda seen: len(seen.lines) == len(LINES) and bool(seen.dead))
    assert [block["format"] for block in seen.blocks] == [SHORT]
    [refused] = seen.dead
    assert "'other-team'" in refused["why"]
    assert unusable in refused["why"]
    assert (refused["count"], refused["value"]) == ("2", "2 eni-1\n2 eni-2")
