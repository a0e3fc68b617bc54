"""Flow-log records beside a diagnosis: counts, agreement and hints, in the words of the contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.vpc.diagnosis.flow_file import BadFlows
from connectors.vpc.diagnosis.observed import ConnectionFilter, compare

HEADER = "interface-id srcaddr dstaddr srcport dstport protocol start end action tcp-flags log-status"
CLIENT, SERVER = "10.0.0.5", "10.0.1.9"
WANTED = ConnectionFilter(
    frozenset({6}),
    443,
    CLIENT.__eq__,
    SERVER.__eq__,
    frozenset({"eni-client", "eni-server"}),
    frozenset({"eni-tgw"}),
)
SYN, SYN_ACK, RST, FIN = 2, 18, 4, 1


def there(
    action: str = "ACCEPT", at: int = 0, port: int = 40000, eni: str = "eni-client", flags: int = SYN
) -> str:
    """Return a record of the request."""
    return f"{eni} {CLIENT} {SERVER} {port} 443 6 {1000 + at} {1060 + at} {action} {flags} OK"


def back(
    action: str = "ACCEPT", at: int = 0, port: int = 40000, eni: str = "eni-client", flags: int = SYN_ACK
) -> str:
    """Return a record of the response."""
    return f"{eni} {SERVER} {CLIENT} 443 {port} 6 {1000 + at} {1060 + at} {action} {flags} OK"


def compared(*lines: str, reachable: bool = True, wanted: ConnectionFilter = WANTED) -> dict[str, Any]:
    return compare("\n".join((HEADER, *lines)), wanted, is_reachable=reachable)


def test_records_are_counted_by_direction_and_action() -> None:
    found = compared(there(), there("REJECT", port=40001), back(), back("REJECT", port=40002))
    assert found["seen"] == {
        "forward": {"accepted": 1, "rejected": 1},
        "return": {"accepted": 1, "rejected": 1},
    }


def test_other_ports_protocols_addresses_and_statuses_do_not_count() -> None:
    lines = (
        there().replace(" 443 ", " 444 "),
        there().replace(" 6 ", " 17 "),
        there().replace(CLIENT, "10.0.0.6"),
        there().replace(" OK", " NODATA"),
        f"eni-client {SERVER} {CLIENT} 40000 443 6 1000 1060 ACCEPT 2 OK",
        "eni-client - - - - - 1000 1060 - - NODATA",
    )
    found = compared(*lines)
    assert found["agreement"] == "no_traffic"
    assert found["hints"] == ["NO_TRAFFIC_SEEN"]


@pytest.mark.parametrize(
    ("lines", "reachable", "agreement", "hints"),
    [
        ((there(), back()), True, "agrees", []),
        ((there(), back()), False, "contradicts", ["RECENT_CHANGE"]),
        ((there("REJECT"),), False, "agrees", []),
        ((there("REJECT"),), True, "contradicts", ["RECENT_CHANGE"]),
        ((there(),), True, "agrees", ["HOST_NOT_LISTENING"]),
        ((there(),), False, "agrees", ["HOST_NOT_LISTENING"]),
        ((there(), back(flags=RST)), True, "agrees", ["HOST_NOT_LISTENING"]),
        ((there(), back("REJECT")), False, "agrees", ["RETURN_BLOCKED"]),
        ((there(), back("REJECT")), True, "contradicts", ["RETURN_BLOCKED", "RECENT_CHANGE"]),
        ((there(), back(eni="eni-server"), back("REJECT")), False, "agrees", ["RETURN_BLOCKED"]),
        ((there(), back(), there("REJECT", flags=RST, port=40007)), True, "agrees", []),
        ((there(), back(), back("REJECT", at=5, flags=FIN)), True, "agrees", []),
        ((there(), back(), there("REJECT", at=300, port=40001)), False, "agrees", ["RECENT_CHANGE"]),
        (
            (there("REJECT"), there(at=300, port=40001), back(at=300, port=40001)),
            True,
            "agrees",
            ["RECENT_CHANGE"],
        ),
    ],
)
def test_the_newest_flows_are_compared_with_the_configuration(
    lines: tuple[str, ...], reachable: bool, agreement: str, hints: list[str]
) -> None:
    found = compared(*lines, reachable=reachable)
    assert (found["agreement"], found["hints"]) == (agreement, hints)


@pytest.mark.parametrize(
    ("lines", "reachable", "agreement", "hints"),
    [
        # The same client port in all lines, as in files that a person wrote.
        ((there(), back(), there("REJECT", at=300)), True, "contradicts", ["RECENT_CHANGE"]),
        ((there(), back(), there("REJECT", at=300)), False, "agrees", ["RECENT_CHANGE"]),
        ((there("REJECT"), there(at=300), back(at=300)), True, "agrees", ["RECENT_CHANGE"]),
        ((there(), back(), there("REJECT", at=30)), False, "agrees", ["RECENT_CHANGE"]),
        ((there(), back(), there("REJECT", at=61, flags=FIN)), True, "agrees", []),
        ((there(), back(), there("REJECT", at=900, flags=RST)), True, "agrees", []),
        # A host that stopped responding.
        (
            (there(), back(), there(at=300, port=40001)),
            True,
            "agrees",
            ["HOST_NOT_LISTENING", "RECENT_CHANGE"],
        ),
        # A late packet among working connections.
        (
            (there(), back(), there("REJECT", at=100, port=39000), there(at=300), back(at=300)),
            True,
            "agrees",
            [],
        ),
        # A response that only its own interface shows.
        ((back("REJECT"),), False, "agrees", []),
        ((there(eni="eni-server"), back("REJECT", eni="eni-server")), False, "agrees", ["RETURN_BLOCKED"]),
    ],
)
def test_exchanges_of_one_client_port(
    lines: tuple[str, ...], reachable: bool, agreement: str, hints: list[str]
) -> None:
    found = compared(*lines, reachable=reachable)
    assert (found["agreement"], found["hints"]) == (agreement, hints)


ICMP_WANTED = replace(WANTED, protocols=frozenset({1, 58}), port=None)


@pytest.mark.parametrize(
    ("lines", "agreement", "hints"),
    [
        (((CLIENT, SERVER, 0, "ACCEPT"), (SERVER, CLIENT, 0, "ACCEPT")), "agrees", []),
        (
            ((CLIENT, SERVER, 0, "ACCEPT"), (SERVER, CLIENT, 0, "REJECT")),
            "contradicts",
            ["RETURN_BLOCKED", "RECENT_CHANGE"],
        ),
        (
            (
                (CLIENT, SERVER, 0, "ACCEPT"),
                (SERVER, CLIENT, 0, "ACCEPT"),
                (CLIENT, SERVER, 600, "REJECT"),
            ),
            "contradicts",
            ["RECENT_CHANGE"],
        ),
    ],
)
def test_icmp_has_no_ports(
    lines: tuple[tuple[str, str, int, str], ...], agreement: str, hints: list[str]
) -> None:
    shown = [
        f"eni-server {src} {dst} 0 0 1 {1000 + at} {1060 + at} {action} 0 OK"
        for src, dst, at, action in lines
    ]
    found = compared(*shown, wanted=ICMP_WANTED)
    assert (found["agreement"], found["hints"]) == (agreement, hints)


def test_each_interface_has_its_counts_and_times() -> None:
    found = compared(there(), there("REJECT", at=300, port=40001, eni="eni-server"), back())
    assert found["interfaces"] == [
        {
            "interface": "eni-client",
            "forward": {"accepted": 1, "rejected": 0},
            "return": {"accepted": 1, "rejected": 0},
            "last_accepted": 1060,
            "first_rejected": None,
        },
        {
            "interface": "eni-server",
            "forward": {"accepted": 0, "rejected": 1},
            "return": {"accepted": 0, "rejected": 0},
            "last_accepted": None,
            "first_rejected": 1300,
        },
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\n{there()}\n{back()}\n",
        f"{HEADER}\r\n{there()}\r\n\r\n{back()}\r\n",
        f"{HEADER}\n{there()}\n{HEADER}\n{back()}",
        f"{HEADER.replace('-', '_')}\n{there()}\n{back()}",
        " ".join(f"${{{name}}}" for name in HEADER.split()) + f"\n{there()}\n{back()}",
        f"{HEADER}\n2026-11-30T20:00:00.000Z {there()}\n2026-11-30T20:00:00.000Z {back()}",
        f"{HEADER}\n{there()}\naction srcaddr dstaddr dstport srcport protocol start end\n"
        f"ACCEPT {SERVER} {CLIENT} 40000 443 6 1000 1060",
        f"{HEADER}\neni-x - - - - - 1000 1060 - - NODATA\n{there()}\n{back()}\n",
    ],
)
def test_forms_of_a_file(text: str) -> None:
    found = compare(text, WANTED, is_reachable=True)
    assert (found["seen"]["forward"]["accepted"], found["seen"]["return"]["accepted"]) == (1, 1)
    assert found["agreement"] == "agrees"


def test_skipped_records_are_a_hint() -> None:
    found = compared("eni-client - - - - - 1000 1060 - - SKIPDATA", there(), back())
    assert found["hints"] == ["RECORDS_SKIPPED"]


def test_an_appliance_that_sees_one_direction_is_a_hint() -> None:
    both = (there(), back())
    assert compared(*both, there(eni="eni-box"))["hints"] == ["ASYMMETRIC"]
    assert compared(*both, there(eni="eni-box"), back(eni="eni-box"))["hints"] == []
    assert compared(*both, there(eni="eni-tgw"))["hints"] == []


def test_packet_addresses_precede_those_of_the_interface() -> None:
    text = (
        "srcaddr dstaddr pkt-srcaddr pkt-dstaddr dstport srcport protocol action\n"
        f"10.0.9.9 10.0.9.8 {CLIENT} {SERVER} 443 40000 6 ACCEPT\n"
        f"10.0.9.9 10.0.9.8 {SERVER} {CLIENT} 40000 443 6 ACCEPT\n"
    )
    assert compare(text, WANTED, is_reachable=True)["seen"]["return"]["accepted"] == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must name its fields"),
        ("interface-id start end\n", "must name its fields"),
        ("srcaddr dstaddr action\n10.0.0.1 10.0.0.2\n", "Line 2 of the flow-log file has 2 values"),
        ("srcaddr dstaddr action action\n", "names a field twice"),
    ],
)
def test_a_malformed_file_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadFlows, match=sentence):
        compare(text, WANTED, is_reachable=True)


@given(st.permutations([there(), there("REJECT", port=1025), back(), back("REJECT", port=1026)]))
def test_the_order_of_lines_does_not_matter(lines: list[str]) -> None:
    assert compared(*lines) == compared(*sorted(lines))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = compare(text, WANTED, is_reachable=True)
    except BadFlows:
        return
    assert found["agreement"] in ("agrees", "contradicts", "no_traffic")
