"""When a report about ignored objects or messages is due."""

from __future__ import annotations

from connectors.s3.discovery.ignored import REPORT_EVERY_S, Ignored, IgnoredObjects


def test_the_first_find_is_reported_at_once_and_growth_once_an_hour() -> None:
    ignored = Ignored()
    assert ignored.due(0.0) is None
    ignored.add("a")
    assert ignored.due(1.0) == IgnoredObjects(1, "a")
    assert ignored.due(2.0) is None
    ignored.add("b")
    assert ignored.due(REPORT_EVERY_S) is None
    assert ignored.due(REPORT_EVERY_S + 1.0) == IgnoredObjects(2, "b")
    assert ignored.due(3 * REPORT_EVERY_S) is None


def test_a_complete_search_replaces_the_count() -> None:
    ignored = Ignored()
    ignored.found(12, "a")
    assert ignored.due(0.0) == IgnoredObjects(12, "a")
    ignored.found(12, "a")
    assert ignored.due(2 * REPORT_EVERY_S) is None
    ignored.found(13, "b")
    assert ignored.due(2 * REPORT_EVERY_S) == IgnoredObjects(13, "b")
