"""Settings and execution of a subcommand: a correctable error becomes one sentence and an exit status."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sys
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streams.repeated_logs import Repeated

if TYPE_CHECKING:
    from pydantic import ValidationError

    from connectors.settings import Common

Group = TypeVar("Group", bound="Common")
KAFKA = click.option(
    "--kafka", help="Kafka bootstrap servers, host:port with commas between.  [VPCFLOW_KAFKA]"
)
PORT_MAX = 65_535
PORT = click.IntRange(0, PORT_MAX)
SEED = click.IntRange(0, 2**63 - 1)
RECORDS_MAX = 1_000_000_000


class FiniteFloat(click.FloatRange):
    """The type of a finite number in a range; `nan` and `inf` are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; raises `click.BadParameter`."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


RATE = FiniteFloat(min=0)


def settings_of(group: type[Group], **flags: Any) -> Group:
    """Read the settings of a group. A flag overrides the environment, which overrides the file.

    Raises `click.ClickException` with one sentence for the first wrong setting.
    """
    from pydantic import ValidationError

    from connectors.given_settings import BadFile, ours, read_file, service_links
    from connectors.settings import SettingsError, check_names

    if links := service_links(os.environ):
        _log_ignored(*links)
    try:
        check_names(ours(os.environ), read_file())
        return group(**{name: value for name, value in flags.items() if value is not None})
    except (SettingsError, BadFile) as error:
        raise click.ClickException(str(error)) from error
    except ValidationError as error:
        raise click.ClickException(_sentence(group, error)) from error


@cache
def _log_ignored(*links: str) -> None:
    """Log once that service-link variables of Kubernetes are not settings."""
    import structlog

    set_up_logs()
    structlog.get_logger().info("service links ignored", names=" ".join(links))


def _sentence(group: type[Common], error: ValidationError) -> str:
    """Return a sentence about the first wrong setting; the value of a secret is not shown."""
    from connectors.described_settings import is_secret

    first = error.errors()[0]
    why = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return why
    name = str(first["loc"][0])
    has_user = "@" in str(first["input"])  # A URL with a user may have a password, too.
    shown = "" if has_user or is_secret(group, name) else f"={first['input']!r}"
    return f"VPCFLOW_{name.upper()}{shown} is wrong: {why}"


def run(work: Callable[[], Awaitable[Any]], sentences: tuple[type[Exception], ...]) -> None:
    """Run a process to its end.

    Raises `click.ClickException` with the message of an exception in `sentences`. Any other exception is
    logged and ends the process with status 3.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repeated(time.monotonic))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    try:
        asyncio.run(work())  # type: ignore[arg-type]
    except sentences as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        import structlog

        if not structlog.is_configured():
            set_up_logs()
        if _is_fenced(error):
            why = "another process owns the slots now, as after a pause longer than VPCFLOW_SESSION_S"
            structlog.get_logger().error("stopped", why=why, error=repr(error))
        else:
            structlog.get_logger().error("stopped by an error", error=repr(error), exc_info=error)
        sys.exit(3)


def _is_fenced(error: Exception) -> bool:
    """Return True if Kafka refused a commit because the slot has a newer owner."""
    from aiokafka.errors import ProducerFenced

    return isinstance(error, ProducerFenced)


def run_with_settings(work: Callable[[], Awaitable[Any]], sentences: tuple[type[Exception], ...]) -> None:
    """Run a process that reads settings; a setting that turns out wrong is also one sentence."""
    from connectors.kafka.clients.denials import MissingAcl
    from connectors.settings import SettingsError

    set_up_logs()
    run(work, (SettingsError, MissingAcl, *sentences))


def set_up_logs() -> None:
    """Configure structlog to write `key=value` lines to standard error."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
