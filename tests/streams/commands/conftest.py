"""The environment of a command in a test: no settings from outside, and logs as they were before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A folder without a file of settings, and no variables of ours, AWS or LocalStack."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("VPCFLOW_", "AWS_", "LOCALSTACK_"))]:
        monkeypatch.delenv(name)
    yield
    structlog.reset_defaults()  # A command logs to the stream of its run, which is closed.


@pytest.fixture
def no_emulator_logs() -> Iterator[None]:
    """The log of the emulator in this process is no output of the command."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()
