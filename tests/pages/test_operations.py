"""`docs/operations.md` has every metric of the processes, with its labels."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY, Metric
from prometheus_client.metrics import MetricWrapperBase

import connectors.metrics
import streams.alerts.sinks
import streams.archive.metrics
import streams.worker.metrics
from streams.cli import main
from streams.web.live import Live
from streams.web.metrics import BoardMetrics
from streams.web.state.board import Board
from tests.packaging.locks import PRODUCTION, pins
from tests.packaging.test_compose import commands

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text()
MODULES = (connectors.metrics, streams.worker.metrics, streams.alerts.sinks, streams.archive.metrics)
OPTIONAL = {"vpcflow_page_lag_seconds", "vpcflow_page_behind_messages"}
"""Metrics of the page without a value at its start."""


def name_of(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def of_processes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the metrics of modules, by name, with their labels."""
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, MetricWrapperBase):
                yield name_of(value.describe()[0]), value._labelnames


def of_the_page() -> set[str]:
    board = Board()
    return {name_of(metric) for metric in BoardMetrics(board, Live(board, time.time), time.time).collect()}


def rows() -> dict[str, str]:
    """Return the labels in each row of the table, by the metric's name."""
    table = PAGE[PAGE.index("| metric | labels |") :].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {name.strip(" `"): row[1] for row in cells for name in row[0].split(",")}


def test_every_metric_is_on_the_page_and_no_other() -> None:
    processes = {name for name, _ in of_processes()}
    assert len(processes) > 20
    assert set(rows()) == processes | of_the_page() | OPTIONAL


def test_the_labels_of_every_metric_are_on_the_page() -> None:
    shown = rows()
    assert {name: shown[name] for name, _ in of_processes()} == {
        name: ", ".join(labels) or "–" for name, labels in of_processes()
    }


def test_every_metric_of_the_alerts_to_set_exists() -> None:
    section = PAGE[PAGE.index("### Alerts to set") : PAGE.index("### Metrics")]
    named = {
        word.partition("{")[0] for word in section.replace("`", " ").split() if word.startswith("vpcflow_")
    }
    assert len(named) > 8
    assert named <= set(rows())


def test_every_registered_metric_is_of_one_of_these_modules() -> None:
    registered = {name_of(one) for one in REGISTRY.collect() if one.name.startswith("vpcflow_")}
    assert registered == {name for name, _ in of_processes()}


def test_the_number_of_packages_is_that_of_the_lock() -> None:
    assert f"`requirements-production.lock`, {len(pins(PRODUCTION))} packages" in PAGE


def test_every_subcommand_is_in_the_table_of_processes() -> None:
    table = PAGE[PAGE.index("| command | process |") :].partition("\n\n")[0]
    named = set(re.findall(r"[a-z0-9]+", " ".join(re.findall(r"`([^`]*)`", table))))
    assert {words[-1] for words in commands(main)} <= named
