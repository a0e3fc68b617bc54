"""The service of a request, the request that is forwarded to moto, and error responses. Pure.

The service is in the signature's scope, in the header or in a presigned query. An unsigned request is
recognized by its target or its API version; without both, it is S3, as for moto. moto reads the signature
itself, so an unsigned request gets one. Signatures are never verified.

An access key of twelve digits is the account number, as in LocalStack. Any other key belongs to the account
for which moto issued it, or to the default account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import orjson

from emulator.http.messages import Incoming, Outgoing

PLAYED_HERE = frozenset({"kinesis", "firehose"})
"""The services that are never forwarded to moto, which has its own versions of them."""

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
_PRESIGNED = re.compile(r"[?&]X-Amz-Credential=([^&]+)")
_VERSION = re.compile(rb"(?:^|[?&])Version=(\d{4}-\d\d-\d\d)")
_HAS_BUCKET = re.compile(r"([a-z0-9][a-z0-9._-]*)\.(s3(?!-control)[.-].+|localhost(?::\d+)?)")
_HOP_BY_HOP = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
_OF_THE_SERVER = frozenset({"server", "date"})
_UNSIGNED_REGION = "us-east-1"

# botocore's models: `targetPrefix` and `apiVersion` of each.
_BY_TARGET = {
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "AWSEvents": "events",
    "DynamoDBStreams_20120810": "dynamodb",
    "DynamoDB_20120810": "dynamodb",
    "Firehose_20150804": "firehose",
    "GraniteServiceVersion20100801": "monitoring",
    "Kinesis_20131202": "kinesis",
    "Logs_20140328": "logs",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
_BY_VERSION = {
    b"2010-03-31": "sns",
    b"2010-05-08": "iam",
    b"2010-05-15": "cloudformation",
    b"2010-08-01": "monitoring",
    b"2011-06-15": "sts",
    b"2012-11-05": "sqs",
    b"2014-10-31": "rds",
    b"2015-12-01": "elasticloadbalancing",
    b"2016-11-15": "ec2",
}


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """The access key, Region and service of a request. If the service is unknown, it is S3."""

    access_key: str
    region: str
    service: str
    signed_in_header: bool


def caller(request: Incoming) -> CredentialScope:
    """Return the caller of a request."""
    header = _CREDENTIAL.search(request.headers.get("authorization", ""))
    if header is not None:
        return CredentialScope(header[1], header[3], header[4].lower(), True)
    presigned = _PRESIGNED.search(request.target)
    found = presigned and _CREDENTIAL.fullmatch("Credential=" + unquote(presigned[1]))
    if found:
        return CredentialScope(found[1], found[3], found[4].lower(), False)
    prefix, _, _ = request.headers.get("x-amz-target", "").rpartition(".")
    return CredentialScope("", _UNSIGNED_REGION, _BY_TARGET.get(prefix) or _by_version(request), False)


def forwarded(request: Incoming, who: CredentialScope) -> tuple[str, dict[str, str]]:
    """Return the target and the headers of the request that is forwarded to moto."""
    headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
    target = request.target if request.target.startswith("/") else _origin_form(request.target)
    if who.service == "s3":
        target, headers["host"] = _path_style(target, headers.get("host", "localhost"))
    elif not who.signed_in_header:
        key = who.access_key or "unsigned"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={key}/20000101/{who.region}/{who.service}/aws4_request, "
            "SignedHeaders=host, Signature=0"
        )
    if who.service != "s3" and not request.body.startswith(b"\x1f\x8b"):
        headers.pop("content-encoding", None)  # The listener has decompressed the body.
    if len(who.access_key) == 12 and who.access_key.isdecimal():
        headers["x-moto-account-id"] = who.access_key
    return target, headers


def returned(headers: Mapping[str, str], method: str) -> dict[str, str]:
    """Return the response headers for the client. `content-length` is kept only for HEAD."""
    drop = _OF_THE_SERVER | _HOP_BY_HOP - ({"content-length"} if method == "HEAD" else frozenset())
    return {name: value for name, value in headers.items() if name.lower() not in drop}


def refusal(request: Incoming, who: CredentialScope, status: int, code: str, sentence: str) -> Outgoing:
    """Return an error response in the format of the service's protocol."""
    if "x-amz-target" in request.headers or "json" in request.headers.get("content-type", ""):
        body = orjson.dumps({"__type": code, "message": sentence})
        return Outgoing(
            status, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}, body
        )
    error = f"<Code>{code}</Code><Message>{_escaped(sentence)}</Message>"
    if who.service == "s3":
        xml = f"<Error>{error}</Error>"
    elif who.service == "ec2":
        xml = f"<Response><Errors><Error>{error}</Error></Errors></Response>"
    else:
        xml = f"<ErrorResponse><Error><Type>Receiver</Type>{error}</Error></ErrorResponse>"
    return Outgoing(status, {"Content-Type": "text/xml"}, b'<?xml version="1.0"?>' + xml.encode())


def _by_version(request: Incoming) -> str:
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    found = _VERSION.search(request.body if is_form else request.target.encode())
    return _BY_VERSION.get(found[1], "s3") if found else "s3"


def _origin_form(target: str) -> str:
    """Return the path of a target in absolute form, which clients send to proxies (RFC 9112, 3.2.2)."""
    return "/" + target.partition("://")[2].partition("/")[2]


def _path_style(target: str, host: str) -> tuple[str, str]:
    """Return target and host. If the bucket is in the host, move it to the path."""
    found = _HAS_BUCKET.fullmatch(host)
    return (target, host) if found is None else (f"/{found[1]}{target}", found[2])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
