"""A build makes what is described once, finds its own work, and says why it cannot go over another's."""

from __future__ import annotations

import asyncio
import re

import pytest

from emulator.world.builder import building
from emulator.world.builder.building import BuildError
from emulator.world.topology.file import read
from emulator.world.topology.presets import preset
from tests.emulator.world.stages import Stage, client

pytestmark = pytest.mark.moto


def test_a_second_build_makes_nothing(stage: Stage) -> None:
    asked: list[str] = []
    stage.ec2.meta.events.register("before-call", lambda model, **_: asked.append(model.name), "count")
    try:
        again = asyncio.run(building.build(stage.ec2, preset(stage.built.topology.name)))
    finally:
        stage.ec2.meta.events.unregister("before-call", unique_id="count")
    assert (again.was_there, set(asked)) == (True, {"DescribeTags"})
    assert again.ids == stage.built.ids


OTHER_SMALL = "name: small\nvpcs:\n  other:\n    cidrs: [10.77.0.0/16]\n"


def test_another_estate_of_the_same_name_is_refused(small: Stage) -> None:
    with pytest.raises(BuildError) as caught:
        asyncio.run(building.build(small.ec2, read(OTHER_SMALL, "other.yaml")))
    assert re.fullmatch(
        r"http://127\.0\.0\.1:\d+ has \d+ resources of the topology `small` \(.+\), made from another "
        r"description\. Delete what has the tag vpcflow:topology=small, or start the emulator anew, or give "
        r"the topology another name\.",
        str(caught.value),
    )
    blocks = [one["CidrBlock"] for one in small.ec2.describe_vpcs()["Vpcs"]]
    assert "10.77.0.0/16" not in blocks, "nothing of it was made"


def test_a_build_that_was_broken_off_is_told(ec2_url: str) -> None:
    def fail(**_: object) -> None:
        raise ConnectionError("the line is cut")

    with client(ec2_url, "333333333333") as ec2:
        ec2.meta.events.register("before-call.ec2.CreateRoute", fail)
        with pytest.raises(ConnectionError, match="the line is cut"):
            asyncio.run(building.build(ec2, preset("small")))
        ec2.meta.events.unregister("before-call.ec2.CreateRoute", fail)
        with pytest.raises(BuildError, match="made by a build that was broken off"):
            asyncio.run(building.build(ec2, preset("small")))


def test_topologies_of_two_names_stand_beside_each_other(ec2_url: str) -> None:
    with client(ec2_url, "444444444444") as ec2:
        one = asyncio.run(building.build(ec2, preset("small")))
        other = asyncio.run(building.build(ec2, read(OTHER_SMALL.replace("small", "large"), "other.yaml")))
        assert not other.was_there
        assert asyncio.run(building.build(ec2, preset("small"))).ids == one.ids


def test_progress_is_told_to_its_end(ec2_url: str) -> None:
    seen: list[tuple[int, int]] = []
    with client(ec2_url, "555555555555") as ec2:
        asyncio.run(building.build(ec2, preset("small"), lambda done, steps: seen.append((done, steps))))
    assert seen == [(done, len(seen)) for done in range(1, len(seen) + 1)]
