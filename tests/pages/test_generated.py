"""The generated parts of the pages are up to date and complete."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic.fields import FieldInfo

from connectors.settings import ALL, ENV_PREFIX
from tests.pages.generated import BEGIN, END, PAGES, ROOT, with_part
from tests.pages.settings_table import PROCESSES, tables, values


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text()
    assert text == with_part(text, PAGES[name]()), "run `make pages`"


def test_only_the_text_between_the_markers_is_generated() -> None:
    assert with_part(f"before\n{BEGIN}\nold\n{END}\nafter\n", "new\n") == (
        f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    )


def test_a_page_without_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="the page has no line"):
        with_part("text", "new")


def test_every_setting_has_one_row() -> None:
    names = {ENV_PREFIX + name.upper() for group in ALL for name in group.model_fields}
    rows = [line.split("`")[1] for line in tables().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(names)


def test_every_settings_class_is_that_of_a_process() -> None:
    assert set(PROCESSES.values()) == set(ALL)


def test_a_row_has_the_default_the_range_and_the_meaning() -> None:
    rows = {line.split("`")[1]: line for line in tables().splitlines() if line.startswith("| `")}
    assert rows["VPCFLOW_SLOTS"].startswith("| `VPCFLOW_SLOTS` | `8` | whole number 1 to 256 | ")
    assert "| `aws` | `aws`, `none` |" in rows["VPCFLOW_SHARD_LIMITS"]
    assert "| `false` | `true`, `false` |" in rows["VPCFLOW_FAN_OUT"]
    assert "| – | secret |" in rows["VPCFLOW_WEBHOOK_KEY"]
    assert "`serve`: " in rows["VPCFLOW_URL"]
    assert "; `notify`: " in rows["VPCFLOW_URL"]


def test_the_values_of_a_choice_are_listed() -> None:
    assert values(FieldInfo(annotation=Literal["", "one", "two"], default="")) == "`one`, `two`"
