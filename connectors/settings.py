"""The settings of every process, and their order: flags over the environment over a file.

Variables begin with `VPCFLOW_`; a variable of that prefix that is not a setting is an error, because a
misspelt setting would otherwise have no effect. `vpcflow check` prints all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connectors import setting_values
from connectors.archive_settings import ArchiveSettings, QuerySettings
from connectors.given_settings import ENV_FILE, ENV_PREFIX, BadFile, Given, ours, read_file
from connectors.inventory_settings import InventorySettings, NameFiles
from connectors.kafka_settings import KafkaSettings
from connectors.setting_values import time_ms

TRIM_HORIZON, LATEST = "TRIM_HORIZON", "LATEST"
DEFAULT_URL = "http://127.0.0.1:8080/"
YEAR_S = 366 * 86_400


class SettingsError(ValueError):
    """A setting is unknown or has a wrong value; the message says which and what it may be."""


def start_ms(start: str) -> int | None:
    """Return where `start` says to begin, epoch ms: 0 for the horizon, None for LATEST, or its time.

    Raises `ValueError` with a sentence.
    """
    if start in {TRIM_HORIZON, LATEST}:
        return None if start == LATEST else 0
    try:
        return time_ms(start)
    except ValueError as error:
        raise ValueError("write TRIM_HORIZON, LATEST, or a time like 2026-11-28T12:00:00Z") from error


class Common(BaseSettings, KafkaSettings):
    """The settings of every process: the connection to Kafka, the names of topics, the health port."""

    model_config = SettingsConfigDict(extra="ignore")

    prefix: str = Field(default="vpcflow.", description="what every topic's name begins with")
    slots: int = Field(
        default=8, ge=1, le=256, description="partitions of every topic; `vpcflow topics grow` adds some"
    )
    health_host: str = Field(default="127.0.0.1", description="address on which the health port listens")
    health_port: int = Field(
        default=0, ge=0, le=65535, description="port of /metrics, /livez and /readyz; 0: none"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read flags over the environment over the file, both by `given_settings`. Raises `SettingsError`."""
        try:
            file = read_file()
        except BadFile as error:
            raise SettingsError(str(error)) from error
        return init_settings, Given(settings_cls, ours(os.environ)), Given(settings_cls, file)

    @field_validator("*", mode="before")
    @classmethod
    def _without_quotes(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]
        is_text = isinstance(value, str) and field.annotation is not SecretStr  # A key is literal.
        return setting_values.without_quotes(value) if is_text else value

    @field_validator("prefix")
    @classmethod
    def _topic_prefix(cls, value: str) -> str:
        return setting_values.topic_prefix(value)


class Aligned(Common):
    """Settings of connectors that read a backlog."""

    align_s: int = Field(
        600,
        ge=60,
        le=YEAR_S,
        description="a source this far ahead of the slowest one waits for it, seconds of event time",
    )


class Connect(Aligned):
    """The connector's own settings."""

    stream: str = Field(
        "flow-logs",
        description="Kinesis streams: names, ARNs, patterns (flow-*), tag:key=value; commas between",
    )
    line_format: str = Field("default", description="the flow log's LogFormat, or `default`")
    group_formats: str = Field(
        "", description="LogFormat by log group, a JSON object; or `describe`: ask EC2's DescribeFlowLogs"
    )
    account: str = Field("", description="account of the lines, when the source does not say")
    start: str = Field(
        "TRIM_HORIZON", description="where a new stream begins: TRIM_HORIZON, LATEST, or a time (ISO 8601)"
    )
    fan_out: bool = Field(False, description="enhanced fan-out: registers a consumer, costs money, is fast")
    shard_limits: str = Field(
        "aws",
        pattern="^(aws|none)$",
        description="aws: at most 5 reads and 2 MB a second of a shard; none: for an emulator without limits",
    )

    @field_validator("start")
    @classmethod
    def _is_start(cls, value: str) -> str:
        if (start_ms(value) or 0) < 0:
            raise ValueError("the time is before 1970: write TRIM_HORIZON for all that is there")
        return value


class ConnectS3(Aligned):
    """Settings of the connector for objects in S3."""

    s3_bucket: str = Field("", description="bucket that flow logs are delivered to; or set a queue")
    s3_prefix: str = Field("", description="what the keys of its objects begin with, before AWSLogs/")
    s3_queue: str = Field(
        "", description="URL of the SQS queue of S3's event notifications; else objects are listed"
    )
    s3_list_s: float = Field(30.0, gt=0, le=3600, description="pause between listings, seconds")
    s3_look_back_s: int = Field(
        86_400,
        ge=0,
        le=YEAR_S,
        description="how far back a listing looks for objects that came late, seconds",
    )
    s3_exports: str = Field(
        "", description="folder that CloudWatch Logs exports flow logs to, such as exportedlogs; empty: none"
    )
    line_format: str = Field("default", description="LogFormat of exported lines, or `default`")
    account: str = Field("", description="account of exported lines")

    @field_validator("s3_bucket")
    @classmethod
    def _bucket(cls, value: str) -> str:
        setting_values.bucket_place(value)
        return value.rstrip("/")

    @field_validator("s3_prefix")
    @classmethod
    def _key_prefix(cls, value: str) -> str:
        return setting_values.key_prefix(value)

    @field_validator("s3_queue")
    @classmethod
    def _queue(cls, value: str) -> str:
        return setting_values.queue_url(value)

    @model_validator(mode="after")
    def _split_bucket(self) -> Self:
        """Take the prefix out of `s3://bucket/prefix`."""
        bucket, prefix = setting_values.bucket_place(self.s3_bucket)
        if prefix and self.s3_prefix not in {"", prefix}:
            raise ValueError(
                f"VPCFLOW_S3_BUCKET={self.s3_bucket} has the prefix {prefix}, but VPCFLOW_S3_PREFIX is"
                f" {self.s3_prefix}: set VPCFLOW_S3_BUCKET={bucket}"
            )
        self.s3_bucket, self.s3_prefix = bucket, prefix or self.s3_prefix
        return self


class ConnectFirehose(Common):
    """Settings of the endpoint that a delivery stream posts to."""

    firehose_host: str = Field(
        "127.0.0.1", description="address to listen on; loopback unless told otherwise"
    )
    firehose_port: int = Field(8443, ge=0, le=65535, description="port to listen on")
    firehose_key: SecretStr = Field(SecretStr(""), description="access key that requests must carry")
    firehose_key_2: SecretStr = Field(SecretStr(""), description="a second one, while keys are changed")
    firehose_cert: str = Field(
        "", description="file with the TLS certificate; without it, plain HTTP, for a balancer with one"
    )
    firehose_cert_key: str = Field("", description="file with its private key")
    line_format: str = Field("default", description="the flow log's LogFormat, or `default`")
    group_formats: str = Field(
        "", description="LogFormat by log group, a JSON object; or `describe`: ask EC2's DescribeFlowLogs"
    )
    account: str = Field("", description="account of the lines, when the source does not say")


class Work(Common):
    """The worker's own settings."""

    window_s: int = Field(60, ge=10, le=3600, description="length of a tumbling window, seconds")
    lateness_s: int = Field(
        600, ge=0, le=YEAR_S, description="how long a window waits for late rows, seconds"
    )
    retention_s: int = Field(
        1800, ge=60, le=YEAR_S, description="how long a final window can be amended, seconds"
    )
    spread: Literal["none", "even"] = Field(
        "none", description="window of a flow that covers several: its first one, or all (`even`)"
    )
    conversations: int = Field(
        200,
        ge=10,
        le=2000,
        description="conversations of an interface and window that are exact, the largest by each measure",
    )
    worker_id: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
        description="static member id; a restarted worker keeps its partitions",
    )
    session_s: float = Field(
        10.0, ge=1, le=1800, description="a worker silent this long loses its partitions, seconds"
    )


PublicUrl = Annotated[str, AfterValidator(setting_values.public_url)]


class Inventory(Common, InventorySettings):
    """Settings of the inventory."""


class Named(Common, NameFiles):
    """Settings of processes that show names of addresses."""


class Serve(Named):
    """The page's own settings."""

    url: PublicUrl = Field(DEFAULT_URL, description="URL at which people reach the page; its host is served")
    host: str = Field("127.0.0.1", description="address to listen on; loopback unless told otherwise")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on")
    conversations_mb: int = Field(
        256, ge=1, le=65_536, description="memory for the conversations of the last hour, MiB"
    )


class Notify(Common):
    """The notifier's own settings."""

    url: PublicUrl = Field(DEFAULT_URL, description="URL at which people reach the page; links begin with it")
    webhook: str = Field("", description="URL that gets alerts as Alertmanager's webhook version 4")
    webhook_key: SecretStr = Field(SecretStr(""), description="signs webhook bodies (HMAC-SHA256)")

    @field_validator("webhook")
    @classmethod
    def _webhook_url(cls, value: str) -> str:
        return setting_values.webhook_url(value)


class Archive(Common, ArchiveSettings):
    """The archive's own settings."""


class Query(Common, QuerySettings):
    """The settings of a query on the archive."""


ALL: tuple[type[Common], ...] = (
    *(Connect, ConnectS3, ConnectFirehose, Inventory, Work, Serve, Notify),
    *(Archive, Query),
)

# Variables of the same prefix that are no process's setting, but replay's or the tests'.
OTHER_NAMES = ("VPCFLOW_CACHE",)  # read from the environment only


def check_names(environment: Iterable[str], file: Iterable[str] = ()) -> None:
    """Raise `SettingsError` if a variable with our prefix, or any in our file, is not a setting."""
    known = {ENV_PREFIX + name.upper() for group in ALL for name in group.model_fields} | set(OTHER_NAMES)
    of_environment = [name for name in environment if name.upper().startswith(ENV_PREFIX)]
    for name in file:
        if name.upper() in OTHER_NAMES:
            raise SettingsError(f"{name} is read from the environment only: remove it from {ENV_FILE}")
    for name in [*of_environment, *file]:
        if name.upper() not in known:
            near = get_close_matches(name.upper(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else "; `vpcflow check` lists all"
            raise SettingsError(f"{name} is not a setting{hint}")
