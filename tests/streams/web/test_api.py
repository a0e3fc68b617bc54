"""The parameters of the JSON API: each combination answers as the query does, other texts are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from streams.records import Aggregate
from streams.web import query
from streams.web.app import MAX_ROWS, Page
from streams.web.live import Live
from tests.streams.web.boards import BEGIN, board_of, traffic

NOW = float(BEGIN + 600)


def page_of(found: list[Aggregate]) -> Page:
    """Return the routes over a board of some aggregates."""
    board = board_of(found)
    return Page(board, Live(board, lambda: NOW), lambda: NOW)


def answer(route: Callable[[web.Request], Awaitable[web.Response]], parameters: dict[str, str]) -> Any:
    """Call a route, which awaits nothing; return its JSON. Raises what it raises."""
    request = make_mocked_request("GET", f"/?{urlencode(parameters)}")
    running = route(request).__await__()
    with pytest.raises(StopIteration) as ended:
        next(running)
    response = ended.value.value
    assert response.headers["Cache-Control"] == "no-store"
    return orjson.loads(response.body)


def refusal(route: Callable[[web.Request], Awaitable[web.Response]], parameters: dict[str, str]) -> str:
    """Call a route that must refuse; return its sentence."""
    with pytest.raises(web.HTTPBadRequest) as refused:
        answer(route, parameters)
    return refused.value.text or ""


@given(traffic, st.sampled_from(query.ORDERS), st.sampled_from(sorted(query.RANGES_S)), st.integers(1, 8))
def test_every_combination_of_parameters_answers_as_the_query_does(
    found: list[Aggregate], by: str, name: str, n: int
) -> None:
    page, history = page_of(found), board_of(found).history
    told = answer(page.top, {"by": by, "range": name, "n": str(n)})
    assert told == orjson.loads(orjson.dumps(query.top(history, by, query.RANGES_S[name], n)))
    series = answer(page.series, {"range": name, "by": by})
    assert series["points"] == [list(point) for point in query.series(history, query.RANGES_S[name])]
    assert all(len(point) == len(series["fields"]) for point in series["points"])


def test_parameters_have_defaults() -> None:
    page = page_of([])
    assert answer(page.top, {})["by"] == "bytes"
    assert answer(page.top, {}) == answer(page.top, {"by": "bytes", "range": "1h", "n": "10"})


@given(st.one_of(st.text(max_size=12), st.text("0123456789²٣-+ ", max_size=5)))
def test_any_number_of_rows_is_answered_or_refused_with_the_range(text: str) -> None:
    page = page_of([])
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_ROWS:
        assert answer(page.top, {"n": text})["rows"] == []
    else:
        assert refusal(page.top, {"n": text}) == f"n is {text!r}: use a number from 1 to {MAX_ROWS}"


@given(st.sampled_from(["by", "range"]), st.text(max_size=12))
def test_any_other_value_is_refused_with_the_choices(name: str, text: str) -> None:
    choices = query.ORDERS if name == "by" else tuple(query.RANGES_S)
    if text in choices:
        return
    page = page_of([])
    for route in (page.top, page.series, page.export):
        assert refusal(route, {name: text}) == f"{name} is {text!r}: use one of {', '.join(choices)}"


def test_a_parameter_that_is_given_twice_counts_once() -> None:
    """The first one counts, as aiohttp's `query.get` has it; nobody gets an error for it."""
    request = make_mocked_request("GET", "/?by=flows&by=colour")
    assert request.query.get("by") == "flows"


@given(traffic)
def test_stats_count_what_the_board_holds(found: list[Aggregate]) -> None:
    page = page_of(found)
    told = answer(page.stats, {})
    assert told["messages"].get("aggregates", 0) == len(found)
    assert told["windows"] == min(len({one.window_start for one in found}), 180)
    assert told["state"]["link"] == "connecting"
    assert told["clients"] == 0
    assert told["watermark"]["complete_to"] is None
