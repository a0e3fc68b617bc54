"""The report of a replay: what is exact, and how the alerts of a file are shown."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from emulator.ledger.ledger import Ledger
from streams.records import Alert
from streams.replay import report
from streams.replay.load import Loaded, ReplayOptions
from streams.replay.observer import Observer, Seen
from streams.replay.progress import ReplayProgress
from streams.replay.stage import Stage

SCAN = Alert(
    "f1",
    "port_scan",
    "warning",
    "firing",
    {"eni": "eni-1"},
    "a scan of 200 ports",
    200.0,
    50.0,
    0,
    60,
    60,
    0,
    "",
)


def result_of(path: str | None, *alerts: Alert) -> report.Result:
    ledger = Ledger()
    ledger.add_totals({("eni-1", "REJECT", 0): [1, 1, 40, 5, 6]})
    observer = Observer(alerts=list(alerts))
    observer.aggregates["eni-1", "REJECT", 0] = Seen(1, 1, 40, 5, 6, 1, is_final=True)
    observer.dead["wrong number of fields"] = 2
    loaded = Loaded(ledger, 2, (), 0)
    stage = Stage(ReplayOptions(path=path), Console(file=io.StringIO()), Path(), loaded, observer=observer)
    return report.reconcile(stage, ReplayProgress(1), ledger, 2)


def shown(result: report.Result) -> str:
    console = Console(file=io.StringIO(), width=200)
    report.show(console, result, as_json=False)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_no_alert_of_a_file_is_false_as_a_file_has_no_ground_truth() -> None:
    """An alert that fires again is still one alert."""
    result = result_of("flow.log", SCAN, SCAN)
    assert result.is_exact
    assert result.alerts_found == (SCAN,)
    text = shown(result)
    assert "alerts found" in text
    assert "port_scan: a scan of 200 ports" in text
    assert "false" not in text
    assert "planted" not in text


def test_an_alert_that_a_synthetic_load_does_not_explain_is_false() -> None:
    result = result_of(None, SCAN)
    assert not result.is_exact
    assert "false alerts" in shown(result)


def test_refused_lines_are_counted_by_their_reason() -> None:
    assert "2 (2 expected): wrong number of fields 2" in shown(result_of("flow.log"))


@pytest.mark.parametrize("path", ["flow.log", None])
def test_the_report_is_json_too(path: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    report.show(Console(file=io.StringIO()), result_of(path), as_json=True)
    assert '"exact":true' in capsys.readouterr().out
