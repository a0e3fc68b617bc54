"""A selection of conversations: its parameters, and its sums by every dimension."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any
from urllib.parse import urlencode

import orjson
import polars as pl
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from streams.conversations.published import PUBLISHED
from streams.web.conversations.grouping import Answer, answer, to_csv
from streams.web.conversations.routes import ConversationRoutes
from streams.web.conversations.selection import FILTERS, GROUPS, ORDERS, BadSelection, parse
from streams.web.query import RANGES_S
from streams.web.state.board import Board
from tests.build import ENI
from tests.streams.topics.rows import CONVERSATION, T0, conversations, directory

ADDRESSES = ["10.0.0.5", "10.0.0.9", "192.0.2.1"]
rows = st.fixed_dictionaries(
    {
        "eni": st.sampled_from([ENI, "eni-2", "eni-3"]),
        "action": st.sampled_from(["ACCEPT", "REJECT", "-"]),
        "direction": st.sampled_from(["ingress", "egress", "-"]),
        "source": st.sampled_from(ADDRESSES),
        "destination": st.sampled_from(ADDRESSES),
        "pkt_source": st.sampled_from(["", "203.0.113.9"]),
        "port": st.sampled_from([-1, 22, 443]),
        "bytes": st.integers(1, 10**6),
        "flows": st.integers(1, 9),
        "is_other": st.booleans(),
    }
)
SUMS = ("flows", "packets", "bytes", "rejects")


def frame(found: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{**CONVERSATION, **one} for one in found], schema=PUBLISHED)


def of(found: list[dict[str, Any]], **query: str) -> Answer:
    chosen = parse(query, RANGES_S)
    return answer([frame(found)], directory(), chosen, chosen.times(T0 + 60))


def plain_key(group: str, row: dict[str, Any]) -> str:
    """Return the key of a row by plain code."""
    source, destination = row["pkt_source"] or row["source"], row["destination"]
    owner = directory().interface(row["eni"], T0)
    return {
        "interface": row["eni"],
        "resource": owner.id if owner else row["eni"],
        "peer": source if row["direction"] == "ingress" else destination,
        "port": f"{row['port']}/6",
        "pair": f"{source}|{destination}",
        "subnet": owner.subnet if owner else "",
        "zone": owner.zone if owner else "",
        "conversation": f"{source}|{destination}",
    }[group]


@given(st.lists(rows, max_size=12), st.sampled_from(GROUPS), st.sampled_from(ORDERS), st.integers(1, 4))
def test_rows_and_rest_add_up_to_the_total_and_each_row_is_a_plain_sum(
    found: list[dict[str, Any]], group: str, by: str, n: int
) -> None:
    told = of(found, group=group, by=by, n=str(n))
    assert told.total["bytes"] == sum(row["bytes"] for row in found)
    assert told.total["rejects"] == sum(row["flows"] for row in found if row["action"] == "REJECT")
    for name in SUMS:
        rest = told.other[name] if told.other else 0
        assert sum(row[name] for row in told.rows) + rest == told.total[name]
    assert [row[by] for row in told.rows] == sorted((row[by] for row in told.rows), reverse=True)
    if group != "conversation":
        whole = group in {"interface", "resource", "subnet", "zone"}
        for row in told.rows:
            same = [r for r in found if plain_key(group, r) == row["key"] and (whole or not r["is_other"])]
            assert row["bytes"] == sum(r["bytes"] for r in same)
    assert sum(point[4] + point[7] + point[10] for point in told.series) == told.total["bytes"]


@given(st.lists(rows, min_size=1, max_size=12), st.sampled_from([g for g in GROUPS if g != "conversation"]))
def test_a_row_is_the_filter_of_its_conversations(found: list[dict[str, Any]], group: str) -> None:
    for row in of(found, group=group).rows:
        if not row["key"]:
            continue
        name = "eni" if group == "interface" else group
        filtered = of(found, group=group, **{name: row["key"]})
        assert [one["key"] for one in filtered.rows] == [row["key"]]
        assert filtered.rows[0]["bytes"] == row["bytes"]


def test_names_are_those_of_the_inventory_and_ids_without_it() -> None:
    (row,) = of([{}], group="pair").rows
    assert row["label"] == "db-1 → web"
    (row,) = of([{"source": "10.9.9.9", "eni": "eni-9"}], group="conversation").rows
    assert (row["label"], row["eni_name"], row["service"]) == ("10.9.9.9 → web", "", "443/TCP")


@given(st.sampled_from(["group", "by", "n", "from", "to", "range", *FILTERS]), st.text(max_size=250))
def test_any_parameter_is_read_or_refused_with_a_sentence(name: str, value: str) -> None:
    try:
        chosen = parse({name: value}, RANGES_S)
    except BadSelection as error:
        if not str(error).startswith((f"{name} is", f"{name} has")):
            raise
    else:
        assert answer([], directory(), chosen, chosen.times(0)).rows == []


def test_the_end_of_a_time_is_after_its_begin() -> None:
    with pytest.raises(BadSelection, match="to=5 is not after from=5"):
        parse({"from": "5", "to": "5"}, RANGES_S)


async def _get(routes: ConversationRoutes, **query: str) -> web.Response:
    return await routes.conversations(make_mocked_request("GET", f"/?{urlencode(query)}"))


async def test_the_route_answers_with_json_and_csv() -> None:
    board = Board()
    board.directory = directory()
    board.conversations.take(conversations({}, {"action": "REJECT", "port": 22}))
    routes = ConversationRoutes(board)
    told = orjson.loads((await _get(routes, group="port", eni=ENI)).body or b"")
    assert {row["label"] for row in told["rows"]} == {"443/TCP", "22/TCP"}
    window = {"from": str(T0), "to": str(T0 + 60)}
    assert orjson.loads((await _get(routes, **window)).body or b"")["total"]["flows"] == 6
    table = await _get(routes, group="conversation", format="csv")
    assert table.headers["Content-Disposition"] == 'attachment; filename="vpcflow-conversation.csv"'
    found = list(csv.DictReader(io.StringIO(table.text or "")))
    assert [row["label"] for row in found] == ["db-1 → web", "db-1 → web", "total"]
    for query in ({"group": "x"}, {"format": "xml"}, {"n": "0"}):
        with pytest.raises(web.HTTPBadRequest):
            await _get(routes, **query)


def test_a_name_is_no_formula_of_a_spreadsheet() -> None:
    told = to_csv(of([{"source": "=HYPERLINK(1)"}], group="pair"))
    assert "'=HYPERLINK(1)|10.0.0.5" in told


async def test_more_requests_than_may_wait_are_refused() -> None:
    routes = ConversationRoutes(Board())
    found = await asyncio.gather(*(_get(routes) for _ in range(20)), return_exceptions=True)
    refused = [one for one in found if isinstance(one, web.HTTPServiceUnavailable)]
    assert 0 < len(refused) < 20
    assert len((await _get(routes)).body or b"") > 0
