"""The settings of a world: the defaults, and the sentence for each that makes no sense."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.world.incidents.targets import KINDS
from emulator.world.settings import BUSY_MAX, FEW_KINDS, RECORDS_MAX, SPEED_MAX, BadWorld, WorldSettings, read

ALL_KINDS = ", ".join(KINDS)
NAMES = "seed, busy, speed, incidents, records, rate, start, keeps_log_events"
A_SPEED = "`speed` is between 0 and 3600, and not 0."
A_LOAD = "`records` is between 0 and 1000000000, and `rate` at least 0."
A_START = "`seed` and `start` are at least 0."
SOME = "`incidents` is `all`, `few`, `none` or a list of kinds."
REFUSALS: list[tuple[Any, str]] = [
    ([], "The settings of a world are a JSON object."),
    (None, "The settings of a world are a JSON object."),
    ({"sed": 1}, f"A world has no setting `sed`; it has {NAMES}."),
    ({"seed": "1"}, "`seed` must be a whole number, not '1'."),
    ({"seed": 1.5}, "`seed` must be a whole number, not 1.5."),
    ({"seed": True}, "`seed` must be a whole number, not True."),
    ({"busy": None}, "`busy` must be a whole number, not None."),
    ({"speed": "fast"}, "`speed` must be a number, not 'fast'."),
    ({"rate": False}, "`rate` must be a number, not False."),
    ({"keeps_log_events": 1}, "`keeps_log_events` must be true or false, not 1."),
    ({"keeps_log_events": "yes"}, "`keeps_log_events` must be true or false, not 'yes'."),
    ({"incidents": 3}, SOME),
    ({"incidents": {"flood": 1}}, SOME),
    ({"incidents": "flod"}, f"There is no incident `flod`; there are {ALL_KINDS}."),
    ({"incidents": ["flood", 7]}, f"There is no incident `7`; there are {ALL_KINDS}."),
    ({"incidents": ""}, f"There is no incident ``; there are {ALL_KINDS}."),
    ({"speed": 0}, A_SPEED),
    ({"speed": -1.0}, A_SPEED),
    ({"speed": SPEED_MAX + 1}, A_SPEED),
    ({"busy": -1}, "`busy` is between 0 and 100000 percent."),
    ({"busy": BUSY_MAX + 1}, "`busy` is between 0 and 100000 percent."),
    ({"records": -1}, A_LOAD),
    ({"records": RECORDS_MAX + 1}, A_LOAD),
    ({"rate": -0.5}, A_LOAD),
    ({"seed": -1}, A_START),
    ({"start": -60}, A_START),
]
made = st.builds(
    WorldSettings,
    seed=st.integers(0, 1 << 63),
    busy=st.integers(0, BUSY_MAX),
    speed=st.floats(0.001, SPEED_MAX),
    incidents=st.lists(st.sampled_from(KINDS), unique=True).map(tuple),
    records=st.integers(0, RECORDS_MAX),
    rate=st.floats(0, 1e9),
    start=st.integers(0, 2_000_000_000),
    keeps_log_events=st.booleans(),
)


@pytest.mark.parametrize(("document", "sentence"), REFUSALS)
def test_what_makes_no_sense_is_refused_with_a_sentence(document: Any, sentence: str) -> None:
    with pytest.raises(BadWorld) as caught:
        read(document)
    assert str(caught.value) == sentence


@given(made)
def test_settings_are_read_back_from_json(settings: WorldSettings) -> None:
    assert read(orjson.loads(orjson.dumps(settings.document()))) == settings


def test_nothing_said_is_the_default() -> None:
    assert read({}) == WorldSettings()
    assert WorldSettings().incidents == KINDS
    assert not WorldSettings().is_bounded


def test_what_is_not_said_stays_as_it_was() -> None:
    known = WorldSettings(seed=7, busy=50, incidents=("flood",))
    assert read({"busy": 10}, known) == WorldSettings(seed=7, busy=10, incidents=("flood",))


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("all", KINDS),
        ("few", FEW_KINDS),
        ("none", ()),
        ("flood", ("flood",)),
        ("flood,silence", ("flood", "silence")),
        (["silence"], ("silence",)),
        ([], ()),
    ],
)
def test_incidents_are_named_by_a_word_or_a_list(said: object, kinds: tuple[str, ...]) -> None:
    assert read({"incidents": said}).incidents == kinds


@pytest.mark.parametrize("name", ["speed", "rate"])
def test_a_whole_number_will_do_for_a_number(name: str) -> None:
    found = getattr(read({name: 2}), name)
    assert (found, type(found)) == (2.0, float)


@pytest.mark.parametrize(
    "document",
    [{"speed": SPEED_MAX}, {"busy": 0}, {"busy": BUSY_MAX}, {"records": RECORDS_MAX}, {"seed": 0, "rate": 0}],
)
def test_the_ends_of_each_range_are_in_it(document: dict[str, int]) -> None:
    assert {name: getattr(read(document), name) for name in document} == document


def test_a_load_with_records_ends() -> None:
    assert read({"records": 1}).is_bounded
