"""How a command runs and ends: settings in their order of precedence, one sentence, and an exit status."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import structlog
from aiokafka.errors import ProducerFenced
from hypothesis import given
from hypothesis import strategies as st

from connectors.settings import Common, ConnectFirehose, Serve, SettingsError
from streams.commands import running
from streams.commands.running import FiniteFloat, run, run_with_settings, settings_of

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("VPCFLOW_")]:
        monkeypatch.delenv(name)
    running._log_ignored.cache_clear()
    yield
    structlog.reset_defaults()


def sentence(*arguments: Any, **flags: Any) -> str:
    """Read settings that are wrong; return the sentence."""
    with pytest.raises(click.ClickException) as refused:
        settings_of(*arguments, **flags)
    return refused.value.message


def test_a_flag_overrides_the_environment_which_overrides_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(Common).prefix == "vpcflow."
    Path("vpcflow.env").write_text("VPCFLOW_PREFIX=file.\nVPCFLOW_SLOTS=3\n")
    assert settings_of(Common).prefix == "file."
    monkeypatch.setenv("VPCFLOW_PREFIX", "environment.")
    assert settings_of(Common).prefix == "environment."
    found = settings_of(Common, prefix="flag.")
    assert (found.prefix, found.slots) == ("flag.", 3)
    assert settings_of(Common, prefix=None).prefix == "environment."


def test_a_wrong_setting_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPCFLOW_SLOTS", "many")
    assert sentence(Common).startswith("VPCFLOW_SLOTS='many' is wrong: ")
    assert sentence(Serve, port=99_999).startswith("VPCFLOW_")


def test_the_value_of_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is too short is refused by its name only."""
    for wrong in (f"{SECRET}\n", f"{SECRET} {SECRET}", SECRET):
        monkeypatch.setenv("VPCFLOW_FIREHOSE_KEY", wrong)
        try:
            found = repr(settings_of(ConnectFirehose))
        except click.ClickException as error:
            found = error.message
        assert SECRET not in found


def test_an_unknown_name_is_refused_and_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPCFLOW_PREFX", "x")
    assert "VPCFLOW_PREFX" in sentence(Common)
    monkeypatch.delenv("VPCFLOW_PREFX")
    Path("vpcflow.env").write_text("VPCFLOW_SLOT=3\n")
    assert "VPCFLOW_SLOT" in sentence(Common)
    Path("vpcflow.env").write_text("this is no setting\n")
    assert "vpcflow.env" in sentence(Common)


def test_service_links_of_kubernetes_are_ignored_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VPCFLOW_SERVE_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("VPCFLOW_SERVE_PORT", "tcp://10.0.0.1:8080")
    for _ in range(3):
        settings_of(Common)
    logged = capfd.readouterr().err
    assert logged.count("service links ignored") == 1
    assert "VPCFLOW_SERVE_SERVICE_HOST" in logged


class Wrong(Exception):
    """A failure that a user can correct."""


async def fail(error: Exception | None) -> None:
    if error is not None:
        raise error


def ended(error: Exception | None, *sentences: type[Exception]) -> int | str:
    """Run a process that ends with an error; return its sentence or its status."""
    try:
        run(lambda: fail(error), sentences)
    except click.ClickException as refused:
        return refused.message
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_a_process_ends_well_with_a_sentence_or_with_status_3(capfd: pytest.CaptureFixture[str]) -> None:
    assert ended(None) == 0
    assert ended(Wrong("do this"), Wrong) == "do this"
    assert capfd.readouterr().err == ""
    assert ended(Wrong("a defect")) == 3
    logged = capfd.readouterr().err
    assert "stopped by an error" in logged
    assert "Traceback" in logged


def test_a_fenced_process_says_why_without_a_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    assert ended(ProducerFenced("fenced")) == 3
    logged = capfd.readouterr().err
    assert "another process owns the slots now" in logged
    assert "Traceback" not in logged


def test_a_setting_that_turns_out_wrong_later_is_a_sentence_too() -> None:
    with pytest.raises(click.ClickException, match="the file does not exist"):
        run_with_settings(lambda: fail(SettingsError("the file does not exist")), ())


@given(st.floats(allow_nan=True, allow_infinity=True), st.booleans())
def test_a_number_is_finite_and_in_its_range(number: float, min_open: bool) -> None:
    kind = FiniteFloat(0, 3600, min_open=min_open)
    is_fine = math.isfinite(number) and (number > 0 if min_open else number >= 0) and number <= 3600
    try:
        assert kind.convert(repr(number), None, None) == number
    except click.BadParameter:
        assert not is_fine
    else:
        assert is_fine
