"""A destination: its configuration from requests, its description, and its delivery settings. Pure.

A destination stores the fields of the request with AWS's defaults. An update merges fields, and a description
returns them. The settings for delivery are parsed once, into `S3Target` and `HttpTarget`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal, cast
from zoneinfo import ZoneInfo

from emulator.firehose.buffers import Hints
from emulator.firehose.destinations import prefixes
from emulator.firehose.errors import invalid_argument, not_supported
from emulator.firehose.shapes import NOT_SUPPORTED
from emulator.kinesis.protocol.wire import Request

Kind = Literal["S3", "ExtendedS3", "HttpEndpoint"]
KINDS: tuple[Kind, ...] = ("S3", "ExtendedS3", "HttpEndpoint")
DESTINATION_ID = "destinationId-000000000001"
HTTP_MOST_RECORDS = 10_000  # Developer Guide, "Understand HTTP endpoint delivery request": 1 to 10000 records
_NO_LIMIT = 1 << 62
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "\\\\": "\\"}

_S3_DEFAULTS: Request = {
    "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
    "CompressionFormat": "UNCOMPRESSED",
    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    "CloudWatchLoggingOptions": {"Enabled": False},
}
_DEFAULTS: dict[Kind, Request] = {
    "S3": _S3_DEFAULTS,
    "ExtendedS3": {**_S3_DEFAULTS, "S3BackupMode": "Disabled"},
    "HttpEndpoint": {
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CloudWatchLoggingOptions": {"Enabled": False},
        "RequestConfiguration": {"ContentEncoding": "NONE", "CommonAttributes": []},
        "RetryOptions": {"DurationInSeconds": 300},
        "S3BackupMode": "FailedDataOnly",
    },
}
_S3_WITHIN = {"ExtendedS3": "S3Backup", "HttpEndpoint": "S3"}
"""The prefix of the nested S3 destination's field, before `Configuration`, `Update` and `Description`."""


@dataclass(frozen=True, slots=True)
class S3Target:
    """The delivery settings for S3."""

    bucket: str
    prefix: str
    error_prefix: str | None
    hints: Hints
    is_gzip: bool
    extension: str
    zone: tzinfo
    delimiter: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """The delivery settings for an HTTP endpoint. `common_attributes` are in the request's order."""

    url: str
    access_key: str
    hints: Hints
    is_gzip: bool
    common_attributes: tuple[tuple[str, str], ...]
    retry_s: int
    delimiter: bytes


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination. `backup` receives a copy of all records, `failed` the undeliverable records."""

    kind: Kind
    config: Request
    target: S3Target | HttpTarget
    backup: S3Target | None
    failed: S3Target | None

    def describe(self) -> Request:
        """Return the description for `DescribeDeliveryStream`: S3 in both its forms, and no access key."""
        shown = dict(self.config)
        within = _S3_WITHIN.get(self.kind, "")
        if within and (inner := shown.pop(f"{within}Configuration", None)) is not None:
            shown[f"{within}{'' if within == 'S3Backup' else 'Destination'}Description"] = inner
        if self.kind == "HttpEndpoint":
            endpoint = cast("Request", shown["EndpointConfiguration"])
            shown["EndpointConfiguration"] = {k: v for k, v in endpoint.items() if k != "AccessKey"}
            return {"DestinationId": DESTINATION_ID, "HttpEndpointDestinationDescription": shown}
        plain = {key: shown[key] for key in shown if key in _PLAIN_S3}
        description: Request = {"DestinationId": DESTINATION_ID, "S3DestinationDescription": plain}
        if self.kind == "ExtendedS3":
            description["ExtendedS3DestinationDescription"] = shown
        return description


_PLAIN_S3 = {"RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", *_S3_DEFAULTS}


def wanted(request: Request, suffix: Literal["Configuration", "Update"]) -> tuple[Kind, Request]:
    """Return the one destination in a request: its kind and its fields. Raises `Refused`."""
    for other in NOT_SUPPORTED:
        if (name := other if other.endswith("Configuration") else other + suffix) in request:
            raise not_supported(name)
    given = [kind for kind in KINDS if f"{kind}Destination{suffix}" in request]
    if len(given) != 1:
        raise invalid_argument("Exactly one destination configuration is supported for a Firehose")
    return given[0], cast("Request", request[f"{given[0]}Destination{suffix}"])


def create(kind: Kind, config: Request) -> Destination:
    """Return the destination with these fields. Raises `Refused`."""
    filled = {**_DEFAULTS[kind], **config}
    inner_name = f"{_S3_WITHIN[kind]}Configuration" if kind in _S3_WITHIN else ""
    inner: S3Target | None = None
    if inner_name and inner_name in filled:
        filled[inner_name] = {**_S3_DEFAULTS, **cast("Request", filled[inner_name])}
        inner = _s3(cast("Request", filled[inner_name]), b"")
    if kind == "HttpEndpoint":
        keeps_all = filled["S3BackupMode"] == "AllData"
        return Destination(kind, filled, _http(filled), inner if keeps_all else None, inner)
    keeps_all = filled.get("S3BackupMode") == "Enabled"
    if keeps_all and inner is None:
        raise invalid_argument("S3BackupConfiguration cannot be null when S3BackupMode is Enabled")
    return Destination(kind, filled, _s3(filled, _delimiter(filled)), inner if keeps_all else None, None)


def update(old: Destination, kind: Kind, changes: Request) -> Destination:
    """Return a destination with changed fields. Plain and extended S3 may replace each other."""
    if "HttpEndpoint" in (old.kind, kind) and old.kind != kind:
        raise invalid_argument(
            "Changing the destination type to or from HttpEndpoint is not supported at this time."
        )
    merged = dict(old.config)
    within = _S3_WITHIN.get(kind, "")
    for field, value in changes.items():
        if within and field == f"{within}Update":
            inner = cast("Request", merged.get(f"{within}Configuration", {}))
            merged[f"{within}Configuration"] = {**inner, **cast("Request", value)}
        else:
            merged[field] = value
    return create("ExtendedS3" if old.kind == "ExtendedS3" else kind, merged)


def _s3(config: Request, delimiter: bytes) -> S3Target:
    _check_supported(config)
    prefix, error_prefix = str(config.get("Prefix", "")), cast("str | None", config.get("ErrorOutputPrefix"))
    prefixes.check(prefix, error_prefix)
    is_gzip = config["CompressionFormat"] == "GZIP"
    return S3Target(
        bucket=str(config["BucketARN"]).rpartition(":")[2],
        prefix=prefix,
        error_prefix=error_prefix,
        hints=_hints(config, _NO_LIMIT),
        is_gzip=is_gzip,
        extension=str(config.get("FileExtension") or (".gz" if is_gzip else "")),
        zone=_zone(str(config.get("CustomTimeZone") or "UTC")),
        delimiter=delimiter,
    )


def _http(config: Request) -> HttpTarget:
    if _is_enabled(config, "SecretsManagerConfiguration"):
        raise not_supported("SecretsManagerConfiguration")
    endpoint = cast("Mapping[str, str]", config["EndpointConfiguration"])
    request = cast("Request", config["RequestConfiguration"])
    attributes = cast("list[Mapping[str, str]]", request.get("CommonAttributes") or [])
    return HttpTarget(
        url=endpoint["Url"],
        access_key=endpoint.get("AccessKey", ""),
        hints=_hints(config, HTTP_MOST_RECORDS),
        is_gzip=request.get("ContentEncoding") == "GZIP",
        common_attributes=tuple((each["AttributeName"], each["AttributeValue"]) for each in attributes),
        retry_s=cast("int", cast("Request", config["RetryOptions"]).get("DurationInSeconds", 300)),
        delimiter=_delimiter(config),
    )


def _hints(config: Request, most_records: int) -> Hints:
    hints = cast("Mapping[str, int]", config["BufferingHints"])
    return Hints(hints.get("SizeInMBs", 5) << 20, hints.get("IntervalInSeconds", 300) * 1000, most_records)


def _check_supported(config: Request) -> None:
    compression = config["CompressionFormat"]
    if compression not in {"UNCOMPRESSED", "GZIP"}:
        raise not_supported(f"CompressionFormat {compression}")
    for field in ("DataFormatConversionConfiguration", "DynamicPartitioningConfiguration"):
        if _is_enabled(config, field):
            raise not_supported(field)


def _is_enabled(config: Request, field: str) -> bool:
    return bool(cast("Request", config.get(field, {})).get("Enabled", False))


def _delimiter(config: Request) -> bytes:
    """Return the delimiter that a processor appends to each record, or empty bytes."""
    if not _is_enabled(config, "ProcessingConfiguration"):
        return b""
    delimiter = b""
    processing = cast("Request", config["ProcessingConfiguration"])
    for processor in cast("list[Request]", processing.get("Processors", [])):
        if processor["Type"] != "AppendDelimiterToRecord":
            raise not_supported(f"The processor {processor['Type']}")
        delimiter = b"\n"
        for parameter in cast("list[Mapping[str, str]]", processor.get("Parameters", [])):
            if parameter["ParameterName"] == "Delimiter":
                delimiter = _unescaped(parameter["ParameterValue"]).encode()
    return delimiter


def _unescaped(text: str) -> str:
    """Replace escape sequences in a delimiter, such as a backslash and `n` by a line feed."""
    for written, meant in _ESCAPES.items():
        text = text.replace(written, meant)
    return text


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # Unknown, a folder of the database, or an invalid key.
        raise invalid_argument(f"CustomTimeZone is not a time zone: {name}") from None
