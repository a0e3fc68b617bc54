"""The rules for one line: what each bad input comes to, and which formats can be summed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.event_time import AHEAD_S, FIRST_S
from connectors.formats.flowlog import DEFAULT_FORMAT, FIELD_VERSIONS, Format, log_format, parse_format
from streams.sums import lines
from streams.sums.conversations import ABSENT, address_of
from streams.sums.lines import (
    ACTION_REASON,
    COUNT_REASON,
    ENCODING_REASON,
    LENGTH_REASON,
    NOTHING,
    NUMBER_REASON,
    RANGE_REASON,
    START_REASON,
    STATUS_REASON,
    Ends,
    Nothing,
    ParsedLine,
    UnusableFormat,
    parse_line,
    plan,
)
from tests.build import ENI, any_lines, formats, good_lines, line

DEFAULT = plan(DEFAULT_FORMAT)
GOOD = line()
STATUS_LINE = dict.fromkeys(("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes"), "-")


def row(text: bytes, by: lines.ColumnPlan = DEFAULT) -> ParsedLine:
    found = parse_line(text, by)
    assert isinstance(found, ParsedLine), found
    return found


def test_an_ordinary_line_is_its_row() -> None:
    assert row(GOOD) == ParsedLine(
        ENI, lines.ACCEPT, 6, 10, 4000, 1_700_000_000, 1_700_000_030, srcaddr=b"10.0.0.5", dstport=443,
        ends=Ends(0, address_of("10.0.0.5"), address_of("10.0.1.9"), ABSENT, ABSENT, 49152, 443, 0),
    )  # fmt: skip


REFUSED: dict[str, tuple[bytes, str]] = {
    "a field too few": (GOOD.rsplit(b" ", 1)[0], COUNT_REASON),
    "a field too many": (GOOD + b" vpc-1", COUNT_REASON),
    "one word": (b"hello", COUNT_REASON),
    "JSON": (b'{"message": "x"}', "JSON among lines"),
    "JSON behind the prefix of aws logs tail": (
        b'2023-11-14T22:13:20Z eni-1-all {"a": 1}',
        "JSON object that is not a flow log",
    ),
    "JSON of something else": (b"[1, 2, 3]", "JSON array"),
    "JSON cut short": (b'{"version": 2, "interface', "broken JSON"),
    "a word in brackets": (b"[ERROR] something", COUNT_REASON),
    "an ISO time and a field too many": (b"2023-11-14T22:13:20Z 5 " + GOOD, COUNT_REASON),
    "a line in quotes": (b'"' + GOOD + b'"', "JSON string"),
    "commas": (GOOD.replace(b" ", b","), COUNT_REASON),
    "two ISO times": (b"2023-11-14T22:13:20Z 2023-11-14T22:13:20Z " + GOOD, COUNT_REASON),
    "an ISO time and a field too few": (b"2023-11-14T22:13:20Z " + GOOD.rsplit(b" ", 2)[0], COUNT_REASON),
    "an ISO date without a time": (b"2023-11-14 " + GOOD, COUNT_REASON),
    "only NUL bytes": (b"\x00" * 40, ENCODING_REASON),
    "UTF-16, little-endian": (GOOD.decode().encode("utf-16-le"), ENCODING_REASON),
    "UTF-16 with a mark": (GOOD.decode().encode("utf-16"), ENCODING_REASON),
    "1 MiB without newline": (b"x" * (1 << 20), LENGTH_REASON),
    "1 MiB of fields": (GOOD * (1 << 14), LENGTH_REASON),
    "a latin-1 interface": (line().replace(ENI.encode(), b"eni-\xe9"), ENCODING_REASON),
    "an interface in UTF-8": (line(interface_id="eni-é"), ENCODING_REASON),
    "negative bytes": (line(bytes=-1), NUMBER_REASON),
    "negative start": (line(start=-1), NUMBER_REASON),
    "a sign": (line(packets="+5"), NUMBER_REASON),
    "a fraction": (line(packets="5.0"), NUMBER_REASON),
    "an exponent": (line(bytes="1e3"), NUMBER_REASON),
    "hexadecimal": (line(bytes="0x10"), NUMBER_REASON),
    "underscores in a number": (line(bytes="1_000"), NUMBER_REASON),
    "Arabic-Indic digits": (line(packets="١٢"), NUMBER_REASON),
    "a superscript digit": (line(packets="²"), NUMBER_REASON),
    "a NUL in a number": (line(packets="1\x00"), ENCODING_REASON),
    "port garbage": (line(dstport="https"), NUMBER_REASON),
    "port far beyond": (line(dstport="99999999999999"), RANGE_REASON),
    "protocol garbage": (line(protocol="tcp"), NUMBER_REASON),
    "protocol 256": (line(protocol=256), RANGE_REASON),
    "fourteen digits beyond 2^45": (line(bytes=(1 << 45) + 1), RANGE_REASON),
    "twenty digits": (line(bytes="9" * 20), RANGE_REASON),
    "a thousand digits": (line(packets="9" * 1000), RANGE_REASON),
    "more leading zeros than a number has digits": (line(packets="0" * 19 + "7"), RANGE_REASON),
    "start in microseconds": (line(start=1_700_000_000_000_000), RANGE_REASON),
    "no start": (line(start="-"), START_REASON),
    "NODATA without times": (line(start="-", end="-", action="-", log_status="NODATA"), START_REASON),
    "action garbage": (line(action="DROP"), ACTION_REASON),
    "action in lower case": (line(action="accept"), ACTION_REASON),
    "action with more letters": (line(action="ACCEPTED"), ACTION_REASON),
    "log-status garbage": (line(log_status="MAYBE"), STATUS_REASON),
    "log-status of Cloud WAN": (line(log_status="INCOMPLETEDATA"), STATUS_REASON),
    "the format of another log": (line(tuple(reversed(DEFAULT_FORMAT))), STATUS_REASON),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_line_is_refused_with_its_reason(text: bytes, reason: str) -> None:
    assert parse_line(text, DEFAULT) == reason


AT = 1_700_000_000
UNDERSTOOD: dict[str, tuple[bytes, dict[str, object]]] = {
    "double spaces": (GOOD.replace(b" ", b"  "), {}),
    "tabs": (GOOD.replace(b" ", b"\t"), {}),
    "CRLF": (GOOD + b"\r", {}),
    "spaces around": (b"  " + GOOD + b" ", {}),
    "an ISO time in front": (b"2023-11-14T22:13:20.000Z " + GOOD, {}),
    "an ISO time with an offset": (b"2023-11-14T22:13:20+00:00 " + GOOD, {}),
    "a line of aws logs tail": (b"2023-11-14T22:13:20.123000+00:00 eni-1-all " + GOOD, {}),
    "a line of aws logs tail --format short": (b"2023-11-14T22:13:20 " + GOOD, {}),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, {}),
    "IPv6": (line(srcaddr="2001:db8::1"), {"srcaddr": b"2001:db8::1"}),
    "an old interface id": (line(interface_id="eni-1a2b3c4d"), {"entity": "eni-1a2b3c4d"}),
    "an id in upper case": (line(interface_id="ENI-1A2B3C4D"), {"entity": "ENI-1A2B3C4D"}),
    "an interface of one day": (line(interface_id="eni-" + "1" * 40), {"entity": "eni-" + "1" * 40}),
    "no interface": (line(interface_id="-"), {"entity": "-"}),
    "a latin-1 field that nobody sums": (GOOD.replace(b"123456789012", b"caf\xe9"), {}),
    "a NUL in a field that nobody sums": (GOOD.replace(b"123456789012", b"\x00"), {}),
    "an unknown account": (line(account_id="unknown"), {}),
    "start in milliseconds": (line(start=1_700_000_000_123), {"start": 1_700_000_000}),
    "both times in milliseconds": (
        line(start=1_700_000_000_123, end=1_700_000_030_999),
        {"start": 1_700_000_000, "end": 1_700_000_030},
    ),
    "no end": (line(end="-"), {"end": 1_700_000_000}),
    "no end, as another writer says it": (line(end="None"), {"end": 1_700_000_000}),
    "no bytes, as BPA rejects": (line(bytes="-", action="REJECT"), {"bytes": 0, "action": lines.REJECT}),
    "no protocol": (line(protocol="-"), {"protocol": lines.PROTOCOL_ABSENT}),
    "no port": (line(dstport="-"), {"dstport": 0}),
    "no action": (line(action="-"), {"action": lines.NO_ACTION}),
    "no log-status": (line(log_status="-"), {"action": lines.ACCEPT}),
    "leading zeros": (line(packets="007", protocol="0006"), {"packets": 7, "protocol": 6}),
    "protocol 255": (line(protocol=255), {"protocol": 255}),
    "fourteen digits": (line(bytes=10**13), {"bytes": 10**13}),
    "the largest number": (line(bytes=1 << 45), {"bytes": 1 << 45}),
    "the first second of flow logs": (line(start=FIRST_S, end=0), {"start": FIRST_S, "end": 0}),
    "the last second that is not milliseconds": (line(start=10**11 - 1), {"start": 10**11 - 1}),
}


@pytest.mark.parametrize(("text", "expected"), UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_an_unusual_line_is_understood(text: bytes, expected: dict[str, object]) -> None:
    found = row(text)
    assert {name: getattr(found, name) for name in expected} == expected
    if not expected:
        assert found == row(GOOD)


@pytest.mark.parametrize(("status", "action"), [("NODATA", lines.NODATA), ("SKIPDATA", lines.SKIPDATA)])
def test_a_status_line_is_a_fact_about_the_log(status: str, action: int) -> None:
    found = row(line(**STATUS_LINE, action="-", log_status=status))
    assert (found.entity, found.action, found.start) == (ENI, action, 1_700_000_000)
    assert (found.protocol, found.packets, found.bytes) == (lines.PROTOCOL_ABSENT, 0, 0)


def test_a_status_line_adds_no_traffic_even_if_it_claims_some() -> None:
    found = row(line(log_status="SKIPDATA"))
    assert (found.action, found.protocol, found.packets, found.bytes) == (lines.SKIPDATA, 256, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"\r",
        b"\t \r",
        " ".join(DEFAULT_FORMAT).encode(),
        "  ".join(DEFAULT_FORMAT).encode() + b"\r",
        " ".join(reversed(DEFAULT_FORMAT)).encode(),
        " ".join(DEFAULT_FORMAT).replace("-", "_").encode(),
        b"version account-id interface-id",
        " ".join(FIELD_VERSIONS).encode(),
    ],
)
def test_an_empty_line_or_a_header_is_nothing(text: bytes) -> None:
    assert parse_line(text, DEFAULT) is NOTHING


def test_the_longest_line_is_read() -> None:
    padded = GOOD + b" " * (lines.LINE_MAX_BYTES - len(GOOD))
    assert row(padded) == row(GOOD)
    assert parse_line(padded + b" ", DEFAULT) == LENGTH_REASON


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("start", "bytes"), "interface-id"),
        (("interface-id", "bytes", "end"), "start"),
        (("instance-id", "start"), "tgw-attachment-id"),
        ((), "interface-id"),
    ],
)
def test_a_format_without_entity_or_start_is_unusable(names: Format, missing: str) -> None:
    with pytest.raises(UnusableFormat, match=missing):
        plan(names)


@pytest.mark.parametrize(
    ("values", "entity"),
    [
        ({"interface_id": "eni-1", "resource_id": "nat-1", "tgw_attachment_id": "tgw-1"}, "eni-1"),
        ({"interface_id": "-", "resource_id": "nat-1", "tgw_attachment_id": "tgw-1"}, "nat-1"),
        ({"interface_id": "-", "resource_id": "-", "tgw_attachment_id": "tgw-1"}, "tgw-1"),
        ({"interface_id": "-", "resource_id": "-", "tgw_attachment_id": "-"}, "-"),
    ],
)
def test_the_entity_is_the_first_that_is_filled(values: dict[str, str], entity: str) -> None:
    names = ("tgw-attachment-id", "resource-id", "start", "interface-id")
    assert row(line(names, **values), plan(names)).entity == entity


def test_a_format_may_lack_everything_but_entity_and_start() -> None:
    found = row(b"%d eni-1" % AT, plan(("start", "interface-id")))
    assert found == ParsedLine("eni-1", lines.NO_ACTION, lines.PROTOCOL_ABSENT, 0, 0, AT, AT, b"", 0, None)


@given(formats(), st.data())
def test_columns_may_stand_in_any_order(names: Format, data: st.DataObject) -> None:
    text = data.draw(good_lines(names))
    order = data.draw(st.permutations(names))
    by_name = dict(zip(names, text.split(b" "), strict=True))
    moved = b" ".join(by_name[name] for name in order)
    assert row(moved, plan(tuple(order))) == row(text, plan(names))


@given(st.one_of(st.binary(max_size=200), any_lines()))
def test_no_line_raises(text: bytes) -> None:
    found = parse_line(text, DEFAULT)
    assert isinstance(found, ParsedLine | Nothing | str)


@given(formats().flatmap(lambda names: st.tuples(st.just(names), good_lines(names))))
def test_a_good_line_is_understood_in_any_format(drawn: tuple[Format, bytes]) -> None:
    names, text = drawn
    assert isinstance(parse_line(text, plan(parse_format(log_format(names)))), ParsedLine)


@pytest.mark.parametrize("start", [0, 60, FIRST_S - 1, AT + AHEAD_S + 1, AT + 2 * 86_400, 10**11 - 1])
def test_a_start_that_no_flow_can_have_is_implausible(start: int) -> None:
    """Two days ahead, or before flow logs began: it would open a window that nothing ever closes."""
    assert parse_line(line(start=start), DEFAULT, lines.latest_start(AT)) == lines.TIME_REASON


@pytest.mark.parametrize("start", [FIRST_S, AT - 40 * 86_400, AT, AT + AHEAD_S])
def test_a_start_of_any_age_is_plausible(start: int) -> None:
    assert isinstance(parse_line(line(start=start), DEFAULT, lines.latest_start(AT)), ParsedLine)


def test_without_an_arrival_only_the_past_has_a_limit() -> None:
    assert isinstance(parse_line(line(start=10**11 - 1), DEFAULT, lines.latest_start(0)), ParsedLine)
    assert parse_line(line(start=FIRST_S - 1), DEFAULT, lines.latest_start(0)) == lines.TIME_REASON
