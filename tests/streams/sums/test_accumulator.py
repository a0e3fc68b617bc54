"""The hot path: equal to a plain dictionary over `lines.parse_line`, whatever the text and its split."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from random import Random
from zlib import crc32

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.flowlog import DEFAULT_FORMAT, FIELD_VERSIONS, Format
from connectors.kafka.blocks import BLOCK_MAX_BYTES
from connectors.kafka.slots import REQUEST_MAX_BYTES
from streams.sums import conversations, lines, partials
from streams.sums.accumulator import ODD_LINES, TOTALS, Drained, LineCounts, Origin, Sums
from streams.sums.columns import by_windows
from streams.sums.lines import ColumnPlan, Nothing, ParsedLine, plan
from streams.sums.service_port import service_port
from tests.build import any_lines, bits_of, block, formats, good_lines, line, odd_lines, port_bit, source_bit
from tests.streams.sums.shares import Share, shares

WINDOW_S = 60
AT = 1_700_000_000
DEFAULT = plan(DEFAULT_FORMAT)
KERNEL_FIELDS = ("interface-id", "action")
CONVERSATION_FIELDS = (
    *KERNEL_FIELDS, "srcaddr", "dstaddr", "srcport", "dstport", "end", "protocol", "tcp-flags",
    "flow-direction", "pkt-srcaddr", "pkt-dstaddr", "packets", "bytes",
)  # fmt: skip

Key = tuple[object, ...]
Totals = tuple[int, int, int, int, int, int, int]
Outcome = tuple[dict[Key, Totals], dict[Key, Totals], LineCounts, dict[str, list[bytes]]]


def referee(texts: Iterable[tuple[bytes, ColumnPlan]], *, is_spread: bool = False) -> Outcome:
    """Sum in the plainest way: one line, two dictionaries."""
    totals: dict[Key, Totals] = {}
    conversations: dict[Key, Totals] = {}
    counts, refused = LineCounts(), {}
    for text, by in texts:
        for one in text.removesuffix(b"\n").split(b"\n") if text else []:
            counts.lines += 1
            match lines.parse_line(one, by):
                case ParsedLine() as row:
                    counts.understood += 1
                    for share in shares(row, WINDOW_S, is_spread=is_spread):
                        add(totals, (share.window, row.entity, row.action, row.protocol), share, *bits(row))
                        if row.ends:
                            add(conversations, conversation_key(row, share.window), share, row.ends.tcp_flags)
                case Nothing():
                    counts.nothing += 1
                case reason:
                    counts.refused += 1
                    refused.setdefault(reason, []).append(one)
    return totals, conversations, counts, {why: sorted(found) for why, found in refused.items()}


def add(to: dict[Key, Totals], key: Key, share: Share, *marks: int) -> None:
    _, *sums = share
    to[key] = merged(to.get(key), (*sums, *marks, *[0] * (2 - len(marks))))


def bits(row: ParsedLine) -> tuple[int, int]:
    if row.action != lines.REJECT:
        return 0, 0
    return 1 << port_bit(row.dstport), 1 << source_bit(row.srcaddr)


def conversation_key(row: ParsedLine, window: int) -> Key:
    ends = row.ends
    assert ends
    addresses = (*ends.source, *ends.destination, *ends.pkt_source, *ends.pkt_destination)
    port, rule = service_port.py_func(row.protocol, ends.srcport, ends.dstport, ends.tcp_flags)
    return window, row.entity, row.action, ends.direction, *addresses, port, rule, row.protocol


def merged(a: Totals | None, b: Totals) -> Totals:
    if a is None:
        return b
    return (
        a[0] + b[0],
        a[1] + b[1],
        a[2] + b[2],
        min(a[3], b[3]),
        max(a[4], b[4]),
        a[5] | b[5],
        a[6] | b[6],
    )


def outcome(drained: Drained) -> Outcome:
    """Merge the rows of a flush by key, as `merge` will, and sort what has no order."""
    totals: dict[Key, Totals] = {}
    for *key, flows, packets, size, first, last, maps in partials.rows(drained.rows):
        at = tuple(key)
        totals[at] = merged(totals.get(at), (flows, packets, size, first, last, *bits_of(maps)))
    found: dict[Key, Totals] = {}
    for *key, flows, packets, size, first, last, flags in drained.conversations.rows():
        at = tuple(key)
        found[at] = merged(found.get(at), (flows, packets, size, first, last, flags, 0))
    return totals, found, drained.counts, {why: sorted(found) for why, found in drained.refused.items()}


def summed(
    texts: Iterable[tuple[bytes, ColumnPlan]], sums: Sums | None = None, *, is_spread: bool = False
) -> Outcome:
    sums = sums or Sums(WINDOW_S, is_spread=is_spread)
    for text, by in texts:
        sums.add(text, by)
    return outcome(sums.drain())


def line_count(text: bytes) -> int:
    return text.count(b"\n") + (bool(text) and not text.endswith(b"\n"))


@st.composite
def texts(draw: st.DrawFn, names: Format) -> tuple[bytes, ColumnPlan]:
    found = draw(st.lists(any_lines(names), max_size=8))
    return block(*found, final_newline=draw(st.booleans())), plan(names)


SHUFFLED = tuple(sorted(FIELD_VERSIONS))  # every documented field, as the console orders them
SMALL: Format = ("action", "start", "interface-id")


@pytest.mark.parametrize(
    ("names", "column"),
    [
        pytest.param(names, column, id=f"{len(names)}-{names[column]}")
        for names in (DEFAULT_FORMAT, SMALL, SHUFFLED)
        for column in range(len(names))
        if names is not SHUFFLED or names[column] in DEFAULT_FORMAT
    ],
)
def test_an_odd_token_in_any_column_is_read_by_the_rules(names: Format, column: int) -> None:
    text = block(*odd_lines(names, column)), plan(names)
    assert summed([text]) == referee([text])


@pytest.mark.parametrize("length", [lines.LINE_MAX_BYTES, lines.LINE_MAX_BYTES + 1])
def test_the_longest_line_is_the_same_for_both_paths(length: int) -> None:
    padding = length - len(line(account_id=""))
    text = line(account_id="1" * padding), DEFAULT
    assert len(text[0]) == length
    assert summed([text]) == referee([text])


TIMES = [
    b"2023-11-14T22:13:20.000Z",
    b"2023-11-14T22:13:20",
    b"2023-11-14T22:13:20+00:00",
    b"2023-11-14T22:13:2",
    b"2023-11-14 22:13:20",
    b"2023-11-14T22-13:20Z",
    b"2023-1a-14T22:13:20Z",
    b"2023-11-14T22:13:20\x01Z",
    b"2023-11-14T22:13:20Z 2023-11-14T22:13:20Z",
    b" 2023-11-14T22:13:20Z",
]


@pytest.mark.parametrize("names", [DEFAULT_FORMAT, SMALL], ids=len)
@pytest.mark.parametrize("time", TIMES)
def test_a_time_in_front_is_read_by_the_rules(names: Format, time: bytes) -> None:
    found = [time + gap + rest for gap in (b" ", b"  ", b"\t", b"") for rest in (line(names), b"")]
    text = block(*found, line(names)), plan(names)
    assert summed([text]) == referee([text])


def test_lines_with_a_time_in_front_are_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudWatch Logs exports nothing else, and line by line they would cost fifty times as much."""
    monkeypatch.setattr(lines, "parse_line", lambda *_: pytest.fail("a line was read by itself"))
    exported = [b"2023-11-14T22:13:20.000Z " + line(action=action) for action in ("ACCEPT", "REJECT")]
    counts = summed([(block(*exported), DEFAULT)])[2]
    assert counts.understood == 2


@given(st.lists(texts(DEFAULT_FORMAT), max_size=3))
def test_default_format_equals_the_referee(given_texts: list[tuple[bytes, ColumnPlan]]) -> None:
    assert summed(given_texts) == referee(given_texts)


@given(formats(KERNEL_FIELDS).flatmap(texts))
def test_kernel_equals_the_referee_in_any_format(text: tuple[bytes, ColumnPlan]) -> None:
    assert summed([text]) == referee([text])


@given(st.lists(formats().flatmap(texts), max_size=3))
def test_blocks_of_many_formats_share_one_flush(given_texts: list[tuple[bytes, ColumnPlan]]) -> None:
    assert summed(given_texts) == referee(given_texts)


@given(formats(CONVERSATION_FIELDS).flatmap(texts), st.booleans())
def test_conversations_of_any_format_equal_the_referee(
    text: tuple[bytes, ColumnPlan], is_spread: bool
) -> None:
    assert summed([text], is_spread=is_spread) == referee([text], is_spread=is_spread)


@given(st.lists(texts(DEFAULT_FORMAT), max_size=3))
def test_spread_equals_the_referee_and_preserves_the_totals(
    given_texts: list[tuple[bytes, ColumnPlan]],
) -> None:
    spread = summed(given_texts, is_spread=True)
    assert spread == referee(given_texts, is_spread=True)
    whole = summed(given_texts)
    for found, other in zip(spread[:2], whole[:2], strict=True):
        assert [sum(row[at] for row in found.values()) for at in range(3)] == [
            sum(row[at] for row in other.values()) for at in range(3)
        ]


@given(st.lists(any_lines(), max_size=12))
def test_conversations_sum_up_to_the_totals(found: list[bytes]) -> None:
    """All but lines about the log itself, which have no addresses."""
    totals, conversations, _, _ = summed([(block(*found), DEFAULT)])
    for action in (lines.ACCEPT, lines.REJECT, lines.NO_ACTION):
        for at in range(3):
            assert sum(row[at] for key, row in conversations.items() if key[2] == action) == sum(
                row[at] for key, row in totals.items() if key[2] == action
            )


@given(st.binary(max_size=400))
def test_arbitrary_bytes_equal_the_referee(text: bytes) -> None:
    assert summed([(text, DEFAULT)]) == referee([(text, DEFAULT)])


@given(st.lists(any_lines(), min_size=1, max_size=12), st.data())
def test_neither_split_nor_order_of_blocks_changes_the_sums(found: list[bytes], data: st.DataObject) -> None:
    whole = summed([(block(*found, final_newline=True), DEFAULT)])
    shuffled = data.draw(st.permutations(found))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(found)), max_size=4)))
    edges = zip([0, *cuts], [*cuts, len(found)], strict=True)
    blocks = [block(*shuffled[a:b], final_newline=True) for a, b in edges if a < b]
    assert summed((text, DEFAULT) for text in blocks) == whole


@given(st.lists(any_lines(), max_size=12), st.booleans())
def test_every_line_is_understood_refused_or_nothing(found: list[bytes], final_newline: bool) -> None:
    sums = Sums(WINDOW_S)
    text = block(*found, final_newline=final_newline)
    sums.add(text, DEFAULT)
    drained = sums.drain()
    counts = drained.counts
    assert counts.lines == line_count(text)
    assert counts.lines == counts.understood + counts.refused + counts.nothing
    assert counts.refused == sum(map(len, drained.refused.values()))
    assert counts.understood == drained.rows["flows"].sum()


@given(st.lists(good_lines(), min_size=1, max_size=12))
def test_kernel_and_slow_path_draw_the_same_maps(found: list[bytes]) -> None:
    fast = summed([(block(*found), DEFAULT)])
    slow = summed([(block(*(one + b" " for one in found)), DEFAULT)])
    assert fast == slow


@pytest.mark.parametrize(
    "names", [("interface-id", "action", "start"), ("start", "action", "interface-id", "log-status")]
)
def test_maps_agree_where_the_format_lacks_port_and_source(names: Format) -> None:
    one = line(names, action="REJECT")
    totals, _, counts, _ = summed([(block(one, one + b" "), plan(names))])
    (total,) = totals.values()
    assert counts.understood == 2
    assert [total[5].bit_count(), total[6].bit_count()] == [1, 1]


def test_only_rejected_rows_carry_maps() -> None:
    sums = Sums(WINDOW_S)
    accepted, rejected = line(), line(action="REJECT")
    sums.add(block(accepted, rejected, accepted + b" ", rejected + b" "), DEFAULT)
    found = sums.drain().rows.select("action", "maps").rows()
    assert {(action, *(bits.bit_count() for bits in bits_of(maps))) for action, maps in found} == {
        (lines.ACCEPT, 0, 0),
        (lines.REJECT, 1, 1),
    }


@pytest.mark.bulk
def test_a_table_and_odd_lines_full_at_once_lose_nothing() -> None:
    keys = 2 * TOTALS + 6 * ODD_LINES // 5  # this grows the tables more than once
    found = [
        line(interface_id=f"eni-{i:017x}", bytes=i, action="REJECT") + (b"\r" if i % 6 == 0 else b"")
        for i in range(keys)
    ]
    text, again = (block(*found), DEFAULT), (block(*found[::50]), DEFAULT)
    sums = Sums(WINDOW_S)
    first = summed([text], sums)
    assert len(first[0]) == keys
    assert first == referee([text])
    assert summed([again, again], sums) == referee([again, again])


def test_more_odd_lines_than_fit_are_all_read() -> None:
    count = ODD_LINES * 2 + 3
    odd = [line(interface_id=f"eni-{i % 50:017x}") + b"\r" for i in range(count)]
    text = block(line(), *odd, line()), DEFAULT
    found = summed([text])
    assert found == referee([text])
    assert found[2].understood == count + 2


@pytest.mark.parametrize("text", [b"", b"\n", b"\n\n", line(), line() + b"\n", line() + b"\n\n"])
def test_a_final_newline_begins_no_line(text: bytes) -> None:
    by_line = plan(("resource-id", "start"))  # read line by line
    expected = line_count(text)
    assert [summed([(text, by)])[2].lines for by in (DEFAULT, by_line)] == [expected, expected]


@pytest.mark.parametrize("final_newline", [False, True])
def test_refusing_a_block_counts_its_lines(final_newline: bool) -> None:
    sums = Sums(WINDOW_S)
    sums.refuse("unusable format", block(b"a", b"b", final_newline=final_newline))
    drained = sums.drain()
    assert drained.counts == LineCounts(lines=2, refused=2)
    assert drained.refused == {"unusable format": [b"a", b"b"]}
    assert drained.newest_start == -1


def test_draining_begins_anew() -> None:
    sums = Sums(WINDOW_S)
    assert summed([(line(), DEFAULT), (b"nonsense", DEFAULT), (line() + b" ", DEFAULT)], sums)[2].lines == 3
    assert summed([], sums) == ({}, {}, LineCounts(), {})
    assert summed([(line(), DEFAULT)], sums) == referee([(line(), DEFAULT)])


def test_rows_have_the_origin_of_the_block_in_which_their_key_was_first_seen() -> None:
    sums = Sums(WINDOW_S)
    ids = [f"eni-{i:017x}" for i in range(6)]
    found = [line(interface_id=one) for one in ids]
    odd = [one + b" " for one in found]
    sums.add(block(*found[:2], *odd[3:4]), DEFAULT, 0, Origin("1", "us-east-1"))
    sums.add(block(*found[:3], *odd[3:5]), DEFAULT, 0, Origin("2", "eu-west-1"))
    sums.add(block(*found[:3], odd[5]), DEFAULT)
    drained = sums.drain()
    by_id = dict(zip(drained.rows["entity"], drained.rows.select(partials.ORIGIN).rows(), strict=True))
    first, second = ("1", "us-east-1"), ("2", "eu-west-1")
    assert [by_id[one] for one in ids] == [first, first, second, first, second, ("", "")]
    sums.add(found[0], DEFAULT)
    assert sums.drain().rows["account"].to_list() == [""]


def test_newest_start_is_less_than_a_window_behind() -> None:
    sums = Sums(WINDOW_S)
    starts = [1_699_999_980, 1_700_000_000, 1_700_000_039]
    sums.add(block(*(line(start=start) for start in starts)), DEFAULT)
    assert max(starts) - WINDOW_S < sums.drain().newest_start <= max(starts)


def test_ids_come_out_as_they_went_in() -> None:
    ids = [
        "eni-f0000000000000001",
        "eni-0123456789abcdef0",
        "eni-ffffffffffffffff0",
        "eni-1a2b3c4d",
        "eni-00000000",
    ]
    totals = summed([(block(*(line(interface_id=one) for one in ids)), DEFAULT)])[0]
    assert sorted(key[1] for key in totals) == sorted(ids)


@given(
    st.lists(st.integers(AT - 9 * 86_400, AT + 9 * 86_400) | st.integers(0, 1 << 40), max_size=9),
    st.sampled_from([0, AT]),
)
def test_implausible_times_are_refused_by_both_paths(starts: list[int], arrived_s: int) -> None:
    """Each line twice, once as the kernel takes it and once, with a space more, line by line."""
    found = [line(start=start) for start in starts]
    sums = Sums(WINDOW_S)
    sums.add(block(*found, *(one + b" " for one in found)), DEFAULT, arrived_s)
    latest = lines.latest_start(arrived_s)
    wrong = [one for one in found if lines.parse_line(one, DEFAULT, latest) == lines.TIME_REASON]
    drained = sums.drain()
    assert drained.counts.refused == 2 * len(wrong)
    assert len(drained.refused.get(lines.TIME_REASON, [])) == 2 * len(wrong)
    assert drained.newest_start <= latest


@given(st.lists(texts(DEFAULT_FORMAT), max_size=3), st.integers(1, 256))
def test_every_row_is_in_the_part_of_the_checksum_of_its_entity(
    given_texts: list[tuple[bytes, ColumnPlan]], partitions: int
) -> None:
    sums = Sums(WINDOW_S, partitions=partitions)
    for text, by in given_texts:
        sums.add(text, by)
    drained = sums.drain()
    parts = drained.parts.items()
    for partition, (rows, found) in parts:
        assert rows.schema == pl.Schema(partials.SCHEMA)
        for part in (rows, found):
            assert {crc32(entity.encode()) % partitions for entity in part["entity"]} <= {partition}
    for whole, nth in ((drained.rows, 0), (drained.conversations, 1)):
        assert sorted(whole.rows()) == sorted(row for _, part in parts for row in part[nth].rows())


@given(st.lists(texts(DEFAULT_FORMAT), max_size=3), st.integers(1, 20))
def test_parts_by_windows_hold_every_row_and_are_small(
    given_texts: list[tuple[bytes, ColumnPlan]], most: int
) -> None:
    sums = Sums(WINDOW_S, is_spread=True)
    for text, by in given_texts:
        sums.add(text, by)
    for whole in sums.drain().parts.values():
        parts = list(by_windows(*whole, most))
        for nth in range(2):
            assert sorted(whole[nth].rows()) == sorted(row for part in parts for row in part[nth].rows())
        windows = [set(rows["window"]) | set(found["window"]) for rows, found in parts]
        assert all(
            len(inside) == 1 or len(rows) + len(found) <= most
            for inside, (rows, found) in zip(windows, parts, strict=True)
        )
        assert sum(map(len, windows)) == len(set().union(*windows))


@pytest.mark.bulk
@pytest.mark.parametrize("kind", ["ends", "interfaces", "long addresses"])
def test_a_full_accumulator_is_a_message_below_the_limit_after_one_more_block(kind: str) -> None:
    """Of the shortest lines, all new rows of one partition, with values that do not compress."""
    names: Format = ("interface-id", "action", "start", "srcaddr", "dstaddr")
    random, sums = Random(1), Sums(WINDOW_S)
    while True:
        is_last, text = sums.is_full, []
        while sum(map(len, text)) + len(text) < BLOCK_MAX_BYTES:
            text.append(_random_line(random, kind))
        sums.add(block(*text), plan(names))
        if is_last:
            break
    drained = sums.drain()
    ((rows, found),) = drained.parts.values()
    assert drained.counts.refused == 0
    assert len(partials.encode(rows)) + len(conversations.encode(found)) < REQUEST_MAX_BYTES


def _random_line(random: Random, kind: str) -> bytes:
    start = 1_700_000_000 + random.randrange(10**7)
    if kind == "interfaces":
        return b"eni-%08x REJECT %d 1.1.1.%d -" % (random.getrandbits(32), start, random.randrange(10))
    size = 128 if kind == "long addresses" else 32
    ends = [str(ip_address(random.getrandbits(size))) for _ in range(2)]
    return b"eni-00000000 ACCEPT %d %s %s" % (start, *(one.encode() for one in ends))
