"""The metrics of the page: they are the board's own figures, with bounded labels and valid names."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from connectors.kafka.health_messages import GAP, HealthRecord
from connectors.progress import SlotProgress, SourceProgress
from streams.records import Aggregate, Alert
from streams.web import metrics
from streams.web.live import Live
from streams.web.state.board import Board, KafkaLink
from tests.streams.web.boards import BEGIN, board_of, traffic

NOW = BEGIN + 100.0


def exported(board: Board) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample of a board as Prometheus reads it, by name and labels."""
    registry = metrics.registry(board, Live(board, lambda: NOW), lambda: NOW)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@given(traffic, st.lists(st.integers(0, 10**7), max_size=20))
def test_figures_are_those_of_the_board(found: list[Aggregate], delays_ms: list[int]) -> None:
    board = board_of(found)
    for ms in delays_ms:
        board.latencies.add(ms)
    told = exported(board)
    assert told.get(("vpcflow_page_messages_total", (("topic", "aggregates"),)), 0) == len(found)
    assert told["vpcflow_page_windows", ()] == len(board.history)
    assert told["vpcflow_page_enis", ()] == board.history.enis
    assert told["vpcflow_page_clients", ()] == 0
    assert told["vpcflow_end_to_end_seconds_count", ()] == len(delays_ms)
    assert told["vpcflow_end_to_end_seconds_bucket", (("le", "+Inf"),)] == len(delays_ms)
    buckets = [
        (float(dict(labels)["le"]), value)
        for (name, labels), value in told.items()
        if name == "vpcflow_end_to_end_seconds_bucket"
    ]
    for bound, count in buckets:
        assert count == sum(ms <= bound * 1000 for ms in delays_ms)
    assert not any("eni-" in value for _, labels in told for _, value in labels), "an ENI is no label"


def test_alerts_links_and_data_health_are_counted_by_bounded_labels() -> None:
    board = Board()
    board.link = KafkaLink("live")
    for number, status in enumerate(("firing", "firing", "pending", "resolved")):
        ends_at = BEGIN + 60 if status == "resolved" else 0
        one = Alert(
            str(number), "port_scan", "warning", status, {"eni": "e"}, "", 1, 1, 0, 60, BEGIN, ends_at, ""
        )
        board.take_alert(one.fingerprint, one.encode())
    for source in range(100):
        one_health = HealthRecord(f"kind-{source}", "s", 1, "text").message("", 0).value or b""
        board.take_data_health(one_health)
    board.take_data_health(HealthRecord(GAP, "s", 1, "text").message("", 0).value or b"")
    told = exported(board)
    assert told["vpcflow_alerts_firing", (("rule", "port_scan"),)] == 2
    states = {labels[0][1]: value for (name, labels), value in told.items() if name == "vpcflow_page_link"}
    assert states == {"connecting": 0, "waiting": 0, "live": 1, "reconnecting": 0}
    kinds = [value for (name, _), value in told.items() if name == "vpcflow_page_data_health_total"]
    assert (sum(kinds), len(kinds)) == (101, 33)


def test_a_slot_that_is_unread_holds_the_watermark_for_ever() -> None:
    board = Board()
    board.progress.count = 3
    behind = SourceProgress("kinesis:s/shard-0", "behind", BEGIN - 500)
    for slot, sources in ((0, ()), (1, (behind,))):
        value = SlotProgress(sources, 1, BEGIN, BEGIN, int((NOW - slot) * 1000)).encode()
        board.take_progress(slot, value)
    told = exported(board)
    holds = [told["vpcflow_watermark_hold_seconds", (("slot", str(slot)),)] for slot in range(3)]
    ages = [told["vpcflow_slot_report_age_seconds", (("slot", str(slot)),)] for slot in range(3)]
    assert (holds, ages) == ([0, 500, math.inf], [0, 1, math.inf])


def test_every_metric_has_a_help_text_that_is_a_sentence() -> None:
    board = Board()
    registry = metrics.registry(board, Live(board, lambda: NOW), lambda: NOW)
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        assert family.name.startswith("vpcflow_")
        assert family.documentation.endswith(".") or "+Inf" in family.documentation


def test_two_pages_in_one_process_have_metrics_of_their_own() -> None:
    one, other = board_of([]), Board()
    one.behind_messages = 7
    assert exported(one)["vpcflow_page_behind_messages", ()] == 7
    assert exported(other)["vpcflow_page_behind_messages", ()] == 0
