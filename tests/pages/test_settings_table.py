"""`docs/settings.md` has every setting, with the default and the values of its class."""

from __future__ import annotations

from connectors.settings import ALL, ENV_PREFIX
from streams.commands.settings_page import BEGIN, END, PAGE, PROCESSES, page, tables


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text()
    assert text == page(text), "run `python -m streams.commands.settings_page`"


def test_every_setting_has_one_row() -> None:
    names = {ENV_PREFIX + name.upper() for group in ALL for name in group.model_fields}
    rows = [line.split("`")[1] for line in tables().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(names)


def test_every_settings_class_is_that_of_a_process() -> None:
    assert set(PROCESSES.values()) == set(ALL)


def test_a_row_has_the_default_the_range_and_the_meaning() -> None:
    rows = {line.split("`")[1]: line for line in tables().splitlines() if line.startswith("| `")}
    assert rows["VPCFLOW_SLOTS"] == (
        "| `VPCFLOW_SLOTS` | `8` | whole number 1 to 256 | partitions of every topic; cannot change later |"
    )
    assert "| `aws` | `aws`, `none` |" in rows["VPCFLOW_SHARD_LIMITS"]
    assert "| `false` | `true`, `false` |" in rows["VPCFLOW_FAN_OUT"]
    assert "| – | secret |" in rows["VPCFLOW_WEBHOOK_KEY"]
    assert "`serve`: " in rows["VPCFLOW_URL"]
    assert "; `notify`: " in rows["VPCFLOW_URL"]


def test_only_the_text_between_the_markers_is_generated() -> None:
    written = page(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert written.startswith(f"before\n{BEGIN}\n\n### Every process")
    assert written.endswith(f"\n{END}\nafter\n")
    assert "old\n" not in written
