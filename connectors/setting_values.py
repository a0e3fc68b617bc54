"""Values of settings in the forms that people paste: bootstrap servers, buckets, queue URLs, webhooks. Pure.

Each function returns the normal form, or raises `ValueError` with a sentence that shows the correct form.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

KAFKA_PORT = 9092
PORT_MAX = 65_535

_SERVICE_LINK = re.compile(
    r"_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)\Z"
)
_LINK_ADDRESS = re.compile(r"(?:tcp|udp|sctp)://")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")  # the oldest buckets have 255 characters
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::(.*)", re.DOTALL)
_ACCESS_POINT = re.compile(r"arn:aws[a-z-]*:s3(?:-outposts)?:[a-z0-9-]+:\d{12}:\S+")
_QUEUE_ARN = re.compile(r"arn:aws([a-z-]*):sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_.-]+)")
_LOGS_FOLDER = re.compile(r"(?:^|/)AWSLogs(?:/.*)?\Z", re.DOTALL)
_TOPIC = re.compile(r"[A-Za-z0-9._-]*")


def is_service_link(name: str, value: str) -> bool:
    """Return whether Kubernetes or Docker set this variable to describe a service.

    For a service `vpcflow-serve` they are `VPCFLOW_SERVE_SERVICE_HOST`, `VPCFLOW_SERVE_PORT=tcp://…` and
    variants with a port (Kubernetes, "Accessing the Service"). A name that ends with `_PORT` may be a
    setting, so its value decides.
    """
    upper = name.upper()
    return bool(_SERVICE_LINK.search(upper)) or (
        upper.endswith("_PORT") and bool(_LINK_ADDRESS.match(value.strip()))
    )


def without_quotes(value: str) -> str:
    """Return a value without the spaces and the one pair of quotes around it.

    `docker run --env-file` and Kubernetes keep the quotes that a shell removes.
    """
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value


def bootstrap_servers(value: str) -> str:
    """Return `host:port[,host:port]`. `PLAINTEXT://` and `kafka://` are removed, port 9092 is added."""
    parts = [part for part in re.split(r"[,;\s]+", value) if part]
    if not parts:
        raise ValueError("write host:port, or host:port,host:port")
    return ",".join(_server(part) for part in parts)


def _server(part: str) -> str:
    scheme, separator, rest = part.rpartition("://")
    rest = rest.rstrip("/")
    if separator and scheme.upper() not in {"PLAINTEXT", "KAFKA", "TCP"}:
        raise ValueError(f"write {rest or 'host:port'} without {scheme}://, as host:port[,host:port]")
    host, port = _host_and_port(rest)
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= PORT_MAX):
        raise ValueError(f"{port!r} is not a port from 1 to {PORT_MAX}: write host:port")
    return f"{host}:{int(port)}"


def _host_and_port(text: str) -> tuple[str, str]:
    if match := re.fullmatch(r"(\[[0-9A-Fa-f:.%\w]+\])(?::(.*))?", text):
        return match[1], match[2] if match[2] is not None else str(KAFKA_PORT)
    host, separator, port = text.partition(":")
    if not _HOST.fullmatch(host) or ":" in port:
        raise ValueError(f"{text!r} is not host:port; write an IPv6 address in brackets, [::1]:{KAFKA_PORT}")
    return host, port if separator else str(KAFKA_PORT)


def topic_prefix(value: str) -> str:
    """Return a prefix that Kafka accepts in the name of a topic."""
    if not _TOPIC.fullmatch(value) or len(value) > 200:
        raise ValueError("write at most 200 letters, digits, dots, hyphens and underscores, such as vpcflow.")
    return value


def bucket_place(value: str) -> tuple[str, str]:
    """Return the bucket and the prefix in a name, an `s3://` URL or an ARN."""
    wrong = ValueError("write the bucket's name, such as my-flow-logs, or s3://my-flow-logs/prefix")
    if not value or _ACCESS_POINT.fullmatch(value):
        return value, ""  # An access point's ARN is a bucket to S3's API.
    if match := _BUCKET_ARN.fullmatch(value):
        value = match[1].removesuffix("*")
    elif re.match(r"(?i)s3[an]?://", value):
        value = value.partition("://")[2]
    elif "://" in value:
        raise wrong
    bucket, _, path = value.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise wrong
    return bucket, key_prefix(path)


def key_prefix(value: str) -> str:
    """Return what comes before `AWSLogs/` in keys, without slashes around it."""
    if "://" in value or value.startswith("arn:"):
        raise ValueError(
            "write what keys begin with before AWSLogs/, such as team-a, and the bucket in VPCFLOW_S3_BUCKET"
        )
    return _LOGS_FOLDER.sub("", value.strip("/")).strip("/")


def queue_url(value: str) -> str:
    """Return the URL of a queue."""
    if match := _QUEUE_ARN.fullmatch(value):
        partition, region, account, name = match.groups()
        domain = "amazonaws.com.cn" if partition == "-cn" else "amazonaws.com"
        raise ValueError(
            f"this is the queue's ARN: write its URL, https://sqs.{region}.{domain}/{account}/{name}"
        )
    if value and not is_url(value):
        raise ValueError(
            "write the queue's URL, such as https://sqs.eu-west-1.amazonaws.com/111122223333/flow-logs"
            " (aws sqs get-queue-url shows it)"
        )
    return value.rstrip("/")


def webhook_url(value: str) -> str:
    """Return the URL of a webhook. The message does not repeat the value: it may carry a token."""
    if value and not is_url(value):
        raise ValueError("it must begin with http:// or https:// and a host")
    return value


def token_url(value: str) -> str:
    """Return the URL of a token endpoint. The message does not repeat the value: it may carry a secret."""
    if value and (not is_url(value) or "@" in urlsplit(value).netloc):
        raise ValueError("it must begin with https:// or http:// and a host, without a user")
    return value


def is_url(value: str) -> bool:
    """Return whether a value is an HTTP URL with a host."""
    try:
        parts = urlsplit(value)
        _ = parts.port  # Raises ValueError when it is not a port.
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"\s", value)


def public_url(url: str) -> str:
    """Return the page's public URL with a slash at its end. Raises `ValueError` with a sentence."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if (
        not host
        or not url.isascii()
        or parts.scheme not in ("http", "https")
        or set(url) & set(" \t\r\n\\<>\"'")
    ):
        raise ValueError("write the URL at which people reach the page, such as https://flows.example.com/")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("write the page's URL without a user, a query and a fragment")
    return url.rstrip("/") + "/"


def time_ms(text: str) -> int:
    """Read a time in ISO 8601, epoch ms; without a zone it is UTC. Raises `ValueError`."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
