"""`docs/topics.md` has every topic, with its clean-up policy and the time for which Kafka keeps it."""

from __future__ import annotations

from pathlib import Path

from connectors.kafka import health_messages
from connectors.kafka.blocks import BLOCK_MAX_BYTES
from connectors.kafka.dead import VALUE_MAX_BYTES
from connectors.kafka.messages import FORMAT
from connectors.kafka.slots import REQUEST_MAX_BYTES
from connectors.kafka.topic_settings import HOUR_MS, TOPICS, Topic

PAGE = (Path(__file__).parents[2] / "docs/topics.md").read_text()


def rows(first: str) -> dict[str, list[str]]:
    """Return the cells of each row of the table whose header begins with `first`, by the first cell."""
    lines = PAGE[PAGE.index(f"\n| {first} |") + 1 :].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.replace("\\|", "¦").strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def kept(topic: Topic) -> str:
    return "newest value" if topic.retention_ms is None else f"{topic.retention_ms // HOUR_MS} h"


def test_every_topic_is_on_the_page_as_it_is_created() -> None:
    found = {name: row[:2] for name, row in rows("topic | cleanup policy | kept").items()}
    assert found == {f"`{topic.name}`": [topic.policy, kept(topic)] for topic in TOPICS}


def test_sizes_and_the_format_number_are_those_of_the_code() -> None:
    assert REQUEST_MAX_BYTES == 8 << 20
    assert "messages of at most 8 MiB" in PAGE
    assert VALUE_MAX_BYTES == 4 << 20
    assert "the refused bytes, up to 4 MiB" in PAGE
    assert BLOCK_MAX_BYTES == 1 << 20
    assert f"the number of its format, {FORMAT} today" in PAGE


def test_every_kind_of_finding_is_on_the_page() -> None:
    named = {one.strip("` ") for kinds in rows("kind | meaning") for one in kinds.split(",")}
    kinds = {one for name, one in vars(health_messages).items() if name.isupper() and isinstance(one, str)}
    assert len(kinds) > 7
    assert kinds <= named
