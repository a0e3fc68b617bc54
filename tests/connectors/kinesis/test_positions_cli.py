"""`connect positions` and `reset` on real Kafka: what runs is shown with its owner, and is not reset."""

from __future__ import annotations

import orjson
import pytest

from connectors.errors import ConnectError
from connectors.positions.cli import AGAIN, move, show
from tests.connectors.kinesis.scene import Scene, connecting, lines

pytestmark = pytest.mark.kafka


async def test_positions_are_shown_and_reset_when_nobody_runs(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.create(2)
    content = lines("a", 5)
    scene.put(content)
    settings, source = scene.settings(), f"kinesis:{scene.stream}"
    async with connecting(settings):
        await scene.until_lines(content)
        await show(settings, as_json=True)
        found = orjson.loads(capsys.readouterr().out.splitlines()[-1])
        [row] = [one for one in found if one["shard"] == "shardId-000000000000"]
        assert (row["source"], row["state"], row["behind_s"]) == (source, "reading", 0.0)
        assert "@127.0.0.1" in row["owner"]
        with pytest.raises(ConnectError, match=r"run \(.*\): stop them first"):
            await move(settings, source, "", "beginning", is_meant=True)
    capsys.readouterr()
    await move(settings, source, "", "beginning", is_meant=False)
    said = capsys.readouterr().out
    assert "add --yes" in said
    assert AGAIN in said
    await move(settings, source, "", "beginning", is_meant=True)
    assert AGAIN in capsys.readouterr().out
    await show(settings, as_json=False)
    assert "TRIM_HORIZON" in capsys.readouterr().out
    async with connecting(settings):
        await scene.until_lines([*content, *content])
