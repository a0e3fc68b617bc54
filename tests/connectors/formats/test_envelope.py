"""Records: understood whole or refused whole with a reason, never an exception and never without a cap."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import igzip

from connectors.formats.envelope import MEMBERS_MAX, control_message, unwrap, wrap_subscription
from connectors.formats.texts import Text, Unwrapped
from tests.build import aggregate, block, line, sealed

LINES = block(line(), line(action="REJECT"))
REASONS = {
    "empty record",
    "broken gzip",
    "truncated gzip",
    "gzip within gzip",
    "too many gzip members",
    "inflates beyond the cap",
    "truncated KPL aggregate",
    "KPL aggregate with a bad checksum",
    "broken KPL aggregate",
    "KPL aggregate within gzip",
    "broken JSON",
    "an envelope without messages",
    "empty JSON object",
    "JSON object that is not a flow log",
    "JSON object whose message is not text",
    "JSON array",
    "JSON array of strings",
    "JSON string",
    "JSON boolean",
    "JSON null",
    "CloudWatch Logs message of an unknown type",
    "broken UTF-16",
    "binary data",
    *(f"{name} data" for name in ("zlib", "bzip2", "xz", "zstd", "lz4", "zip", "Parquet")),
}


def subscription(*messages: object) -> bytes:
    return orjson.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"message": m} for m in messages]})


def wrapped(*messages: str) -> bytes:
    return wrap_subscription("eni-1-all", [(str(i), 1_700_000_000_000, m) for i, m in enumerate(messages)])


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


GZIPPED = gzip.compress(LINES * 50)
DEEP = b'{"a":' * 5000
KPL = b"\xf3\x89\x9a\xc2"

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty record"),
    "only gzip's magic": (b"\x1f\x8b", "truncated gzip"),
    "gzip cut short": (GZIPPED[:-9], "truncated gzip"),
    "gzip without its checksum": (GZIPPED[:-8], "truncated gzip"),
    "gzip with a wrong checksum": (flipped(GZIPPED, len(GZIPPED) - 6), "broken gzip"),
    "gzip with a wrong length": (flipped(GZIPPED, len(GZIPPED) - 2), "broken gzip"),
    "gzip with a broken middle": (flipped(GZIPPED, 14), "broken gzip"),
    "gzip of an unknown method": (flipped(GZIPPED, 2), "broken gzip"),
    "gzip and garbage": (GZIPPED + b"garbage, and enough of it for a header", "broken gzip"),
    "gzip of gzip": (gzip.compress(GZIPPED), "gzip within gzip"),
    "good gzip, then gzip of gzip": (GZIPPED + gzip.compress(GZIPPED), "gzip within gzip"),
    "KPL's magic alone": (KPL, "truncated KPL aggregate"),
    "a KPL aggregate cut short": (aggregate(line())[:-1], "KPL aggregate with a bad checksum"),
    "a KPL aggregate that is no protobuf": (sealed(line()), "broken KPL aggregate"),
    "a KPL aggregate, gzipped": (gzip.compress(aggregate(line())), "KPL aggregate within gzip"),
    "JSON cut short": (subscription("a", "b")[:-3], "broken JSON"),
    "gzipped JSON cut short": (gzip.compress(subscription("a", "b")[:-3]), "broken JSON"),
    "JSON of invalid UTF-8": (b'{"message": "\xff"}', "broken JSON"),
    "a lone surrogate": (b'{"message": "\\ud800"}', "broken JSON"),
    "a lone surrogate in an event": (subscription("x").replace(b'"x"', b'"\\udc00"'), "broken JSON"),
    "JSON nested too deep": (DEEP + b"1" + b"}" * 5000, "broken JSON"),
    "JSON with a NaN": (b'{"message": NaN}', "broken JSON"),
    "an object of something else": (b'{"level": "info"}', "JSON object that is not a flow log"),
    "an empty object": (b"{}", "empty JSON object"),
    "an unknown message type": (b'{"messageType": "HELLO"}', "CloudWatch Logs message of an unknown type"),
    "a message type that is no text": (
        b'{"messageType": ["DATA_MESSAGE"]}',
        "CloudWatch Logs message of an unknown type",
    ),
    "a message that is no text": (b'{"message": 5}', "JSON object whose message is not text"),
    "a message that is null": (b'{"message": null}', "JSON object whose message is not text"),
    "a subscription without events": (b'{"messageType": "DATA_MESSAGE"}', "an envelope without messages"),
    "events that are null": (
        b'{"messageType": "DATA_MESSAGE", "logEvents": null}',
        "an envelope without messages",
    ),
    "events that are text": (
        b'{"messageType": "DATA_MESSAGE", "logEvents": "abc"}',
        "an envelope without messages",
    ),
    "events that are numbers": (
        b'{"messageType": "DATA_MESSAGE", "logEvents": [1]}',
        "an envelope without messages",
    ),
    "an event without message": (
        b'{"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1"}]}',
        "an envelope without messages",
    ),
    "an event whose message is a number": (subscription("a", 5), "an envelope without messages"),
    "an event whose message is null": (subscription(None), "an envelope without messages"),
    "one bad line of JSON among good ones": (
        b'{"message": "a"}\n{"message": \n{"message": "b"}',
        "broken JSON",
    ),
    "lines of JSON, one of them a list": (b'{"message": "a"}\n[1]', "JSON array"),
    "lines of JSON, one of them plain": (b'{"message": "a"}\n' + line(), "broken JSON"),
    "two gzip members, one not an envelope": (
        gzip.compress(subscription("a")) + gzip.compress(b"{}"),
        "empty JSON object",
    ),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_record_is_refused_whole_with_its_reason(data: bytes, reason: str) -> None:
    assert unwrap(data) == Unwrapped(refused=reason)


def content(lines: bytes = b"", control: int = 0) -> Unwrapped:
    """Return the content of a record that does not say where its lines are from."""
    return Unwrapped((Text(lines),) if lines else (), control)


def enveloped(lines: bytes, control: int = 0) -> Unwrapped:
    """Return what comes of a subscription's envelopes."""
    return Unwrapped((Text(lines, "", "123456789012", "vpc-flow-logs"),), control)


UNDERSTOOD: dict[str, tuple[bytes, Unwrapped]] = {
    "a plain line": (line(), content(line())),
    "plain lines": (LINES, content(LINES)),
    "plain lines with a final newline": (LINES + b"\n", content(LINES)),
    "plain lines, gzipped": (gzip.compress(LINES), content(LINES)),
    "members that follow each other": (
        gzip.compress(LINES) + gzip.compress(line() + b"\n"),
        content(block(LINES, line())),
    ),
    "subscriptions that follow each other": (wrapped("a", "b") + wrapped("c"), enveloped(b"a\nb\nc")),
    "gzip of nothing": (gzip.compress(b""), content()),
    "a subscription": (wrapped("a", "b"), enveloped(b"a\nb")),
    "a subscription that is not compressed": (subscription("a", "b"), content(b"a\nb")),
    "a subscription of no events": (subscription(), content()),
    "a control message": (control_message(), content(control=1)),
    "a control message between others": (
        wrapped("a") + control_message() + wrapped("b"),
        enveloped(b"a\nb", control=1),
    ),
    "Firehose's message": (b'{"message": "a"}', content(b"a")),
    "lines of messages": (b'{"message": "a"}\n\n{"message": "b"}\r\n', content(b"a\nb")),
    "lines of subscriptions": (subscription("a") + b"\n" + subscription("b"), content(b"a\nb")),
    "UTF-8 in a message": ('{"message": "é"}'.encode(), content("é".encode())),
    # What is neither gzip nor a JSON object is text: `lines.parse_line` refuses it line by line.
    "a JSON list of messages": (b'[{"message": "a"}]', content(b"a")),
    "text in brackets": (b"[ERROR] not a line", content(b"[ERROR] not a line")),
    "text in quotes": (b'"2","1"', content(b'"2","1"')),
    "bytes of no encoding": (b"\xe9\xff\xfe", content(b"\xe9\xff\xfe")),
    "a newline": (b"\n", content()),
    "another's magic": (KPL[:3] + b"\xc3", content(KPL[:3] + b"\xc3")),
    "an aggregate of a line": (aggregate(line()), content(line())),
    "an aggregate of lines": (aggregate(LINES + b"\n", line()), content(block(LINES, line()))),
    "an aggregate of nothing": (aggregate(), content()),
    "an aggregate of all there is": (
        aggregate(line(), wrapped("a", "b"), control_message(), gzip.compress(b"c\n"), b'{"message": "d"}'),
        Unwrapped((*content(block(line(), b"c", b"d")).texts, *enveloped(b"a\nb").texts), control=1),
    ),
}


@pytest.mark.parametrize(("data", "expected"), UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_a_good_record_is_its_lines(data: bytes, expected: Unwrapped) -> None:
    assert unwrap(data) == expected


@pytest.mark.bulk
def test_a_bomb_costs_its_cap_and_no_more() -> None:
    bomb = igzip.compress(bytes(64 << 20), 1)
    tracemalloc.start()
    try:
        assert unwrap(bomb, max_bytes=1 << 20) == Unwrapped(refused="inflates beyond the cap")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("spare", [0, 1])
def test_the_cap_is_exact(spare: int) -> None:
    understood = unwrap(gzip.compress(LINES), max_bytes=len(LINES) - 1 + spare)
    assert understood == (content(LINES) if spare else Unwrapped(refused="inflates beyond the cap"))


def test_the_cap_is_of_all_members_together() -> None:
    data = gzip.compress(b"x" * 600) * 2
    assert unwrap(data, max_bytes=1200).refused is None
    assert unwrap(data, max_bytes=1199).refused == "inflates beyond the cap"


def test_a_flood_of_tiny_members_is_refused() -> None:
    """52,000 empty members fit into a record of 1 MiB; each would copy all that follow it."""
    member = gzip.compress(b"")
    assert unwrap(member * MEMBERS_MAX) == Unwrapped()
    assert unwrap(member * 52_000).refused == "too many gzip members"


MIXED = (b"a", GZIPPED[:-9], wrapped("b"), b"", aggregate(b"c"), control_message(), b"{}", b"d\n")


def test_a_bad_user_record_takes_no_other_with_it() -> None:
    assert unwrap(aggregate(*MIXED)) == Unwrapped(
        (Text(b"a\nd"), *enveloped(b"b").texts),
        control=1,
        refused_parts=(
            (1, "truncated gzip", GZIPPED[:-9]),
            (3, "empty record", b""),
            (4, "KPL aggregate within an aggregate", aggregate(b"c")),
            (6, "empty JSON object", b"{}"),
        ),
    )


@pytest.mark.parametrize("after", range(-1, len(MIXED) + 1))
def test_user_records_that_are_done_are_skipped(after: int) -> None:
    found = unwrap(aggregate(*MIXED), after=after)
    rest = unwrap(aggregate(*MIXED[after + 1 :]))
    moved = tuple((number + after + 1, why, data) for number, why, data in rest.refused_parts)
    assert found == rest._replace(refused_parts=moved)


def test_only_an_aggregate_has_user_records_that_can_be_done() -> None:
    assert unwrap(line(), after=5) == content(line())
    assert unwrap(GZIPPED, after=5) == unwrap(GZIPPED)


def test_the_cap_is_of_all_user_records_together() -> None:
    data = aggregate(gzip.compress(b"x" * 600), line(), gzip.compress(b"y" * 600), line())
    assert unwrap(data, max_bytes=1200).refused_parts == ()
    found = unwrap(data, max_bytes=1199)
    assert found.lines == block(b"x" * 600, line(), line())
    assert [part[:2] for part in found.refused_parts] == [(2, "inflates beyond the cap")]


BOMBS = {
    "too large": (igzip.compress(bytes(64 << 20), 1), "inflates beyond the cap"),
    "truncated": (igzip.compress(bytes(64 << 20), 1)[:4000], "truncated gzip"),
    "with a wrong checksum": (flipped(igzip.compress(bytes(4 << 20), 1), -5), "broken gzip"),
}


@pytest.mark.parametrize(("bomb", "why"), BOMBS.values(), ids=BOMBS.keys())
def test_many_bombs_cost_what_one_does(bomb: bytes, why: str) -> None:
    """What is inflated in vain counts too: no user record is inflated when the cap is used up."""
    found = unwrap(aggregate(*[bomb] * 30, gzip.compress(b"late"), b"plain"), max_bytes=5 << 20)
    assert found.lines == b"plain"
    assert [part[1] for part in found.refused_parts] == [why, *["inflates beyond the cap"] * 30]


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(sealed),
        st.lists(st.binary(max_size=50), max_size=5).map(lambda found: aggregate(*found)),
        st.binary(max_size=200).map(lambda rest: b"\x1f\x8b\x08\x00" + rest),
        st.binary(max_size=100).map(lambda rest: b'{"messageType":"DATA_MESSAGE","logEvents":' + rest),
        st.binary(max_size=200).map(gzip.compress),
    )
)
def test_no_record_raises(data: bytes) -> None:
    found = unwrap(data, max_bytes=1 << 16)
    assert found.refused is None or found.refused in REASONS
    assert not (found.refused and (found.lines or found.control or found.refused_parts))


@given(st.integers(0, 1 << 20), st.integers(1, 255), st.booleans())
def test_no_damage_to_an_aggregate_raises(at: int, bits: int, is_cut: bool) -> None:
    data = aggregate(*MIXED)
    at %= len(data)
    damaged = data[:at] if is_cut else data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]
    found = unwrap(damaged)
    if damaged.startswith(KPL):
        assert found.refused in {"truncated KPL aggregate", "KPL aggregate with a bad checksum"}


@given(st.integers(0, 1 << 20), st.integers(1, 255), st.booleans())
def test_no_damage_that_was_sealed_raises(at: int, bits: int, is_cut: bool) -> None:
    message = aggregate(*MIXED)[4:-16]
    at %= len(message)
    found = unwrap(
        sealed(message[:at] if is_cut else message[:at] + bytes([message[at] ^ bits]) + message[at + 1 :])
    )
    assert found.refused in {None, "broken KPL aggregate"}


@given(st.lists(st.binary(max_size=60), max_size=12), st.integers(-1, 12))
def test_an_aggregate_is_its_user_records_one_by_one(user_records: list[bytes], after: int) -> None:
    alone = [unwrap(one) for one in user_records[after + 1 :]]
    found = unwrap(aggregate(*user_records), after=after)
    assert found.lines == b"\n".join(one.lines for one in alone if one.lines)
    numbers = [after + 1 + number for number, one in enumerate(alone) if one.refused]
    assert [part[0] for part in found.refused_parts] == numbers


@given(st.integers(0, 1 << 20), st.integers(1, 255), st.booleans())
def test_no_damage_to_a_subscription_raises(at: int, bits: int, is_cut: bool) -> None:
    data = wrapped(*(line().decode() for _ in range(5)))
    at %= len(data)
    damaged = data[:at] if is_cut else data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]
    found = unwrap(damaged, max_bytes=1 << 16)
    if found.refused is None:  # A flip in gzip's header, such as its time, harms nothing.
        assert found == unwrap(data) or not damaged.startswith(b"\x1f\x8b")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, st.sampled_from(["messageType", "logEvents", "message"]))
def test_no_json_raises(value: object, name: str) -> None:
    envelope = {"messageType": "DATA_MESSAGE", "logEvents": [{"message": "a"}], name: value}
    event = {"messageType": "DATA_MESSAGE", "logEvents": [value]}
    for data in (value, envelope, event, {"message": value}):
        found = unwrap(orjson.dumps(data))
        assert found.refused is None or found.refused in REASONS


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="{\n\ufeff"), min_size=1, max_size=40
)


@given(st.lists(texts, min_size=1, max_size=8), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_what_is_wrapped_is_unwrapped(messages: list[str], log_stream: str) -> None:
    data = wrap_subscription(log_stream, [(str(i), i, text) for i, text in enumerate(messages)])
    assert unwrap(data) == enveloped("\n".join(messages).encode())
    standard = gzip.compress(zlib.decompress(data, 31))
    assert unwrap(standard) == unwrap(data)


HEAD = b'{"messageType":"DATA_MESSAGE",'
_messages = st.text('2 a{["\\\n\ufeff', max_size=6) | json_values
_events = st.lists(_messages.map(lambda text: {"message": text}) | json_values, max_size=3) | json_values
_group = st.sampled_from(["", "vpc", 5])


@given(st.fixed_dictionaries({"owner": _group, "logGroup": _group, "logEvents": _events}), json_values)
def test_the_short_way_agrees_with_the_general_one(value: dict[str, object], last: object) -> None:
    """The short way is for envelopes in gzip only."""
    for tail in (value, {**value, "messageType": last}):
        text = HEAD + orjson.dumps(tail)[1:]
        assert unwrap(igzip.compress(text, 0)) == unwrap(text)


@given(st.integers(0, 1 << 20), st.binary(max_size=2), st.booleans())
def test_the_short_way_agrees_with_the_general_one_on_damage(at: int, put: bytes, is_cut: bool) -> None:
    text = HEAD + orjson.dumps({"logGroup": "vpc", "logEvents": [{"message": "2 é"}, {"message": "2 b"}]})[1:]
    at %= len(text)
    damaged = text[:at] + put + (b"" if is_cut else text[at + 1 :])
    if damaged.startswith(b"{"):
        assert unwrap(igzip.compress(damaged, 0)) == unwrap(damaged)
    assert unwrap(igzip.compress(text + b" " * (1 << 20), 0)) == unwrap(text)


def test_an_envelope_has_the_documented_keys() -> None:
    """CloudWatch Logs guide, "Log group-level subscription filters"."""
    for data, kind in ((wrapped("a"), "DATA_MESSAGE"), (control_message(), "CONTROL_MESSAGE")):
        envelope = orjson.loads(gzip.decompress(data))
        assert set(envelope) == {
            "messageType",
            "owner",
            "logGroup",
            "logStream",
            "subscriptionFilters",
            "logEvents",
        }
        assert envelope["messageType"] == kind
        assert [set(event) for event in envelope["logEvents"]] == [{"id", "timestamp", "message"}]


@pytest.mark.parametrize(
    ("owner", "name", "found"),
    [
        ("123456789012", "flows", ("123456789012", "flows")),
        ("x" * 20_000, "flows", ("", "flows")),  # an account becomes a header on Kafka
        (7, "flows", ("", "flows")),
        ("123456789012", "x" * 513, ("", "")),
        ("123456789012", "", ("", "")),
        ("123456789012", ["flows"], ("", "")),
    ],
)
def test_only_what_aws_would_write_names_a_log_group(
    owner: object, name: object, found: tuple[str, str]
) -> None:
    envelope = {
        "messageType": "DATA_MESSAGE",
        "owner": owner,
        "logGroup": name,
        "logEvents": [{"message": "a"}],
    }
    assert unwrap(orjson.dumps(envelope)).texts == (Text(b"a", "", *found),)
