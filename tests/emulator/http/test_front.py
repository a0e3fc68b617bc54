"""What is refused before Kinesis sees it: bodies, codes and headers as kinesalite's suite saw them at AWS."""

from __future__ import annotations

import base64
import re
from typing import Any

import aiohttp
import cbor2
import orjson
import pytest

from emulator import server

JSON, CBOR = "application/x-amz-json-1.1", "application/x-amz-cbor-1.1"
TARGET = "Kinesis_20131202.ListStreams"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/kinesis/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=00",
    "X-Amz-Date": "20260101T000000Z",
}
DENIED = (
    "<AccessDeniedException>\n"
    "  <Message>Unable to determine service/operation name to be authorized</Message>\n"
    "</AccessDeniedException>\n"
)
_NEEDS = "Authorization header requires"
IN_HEADER = (
    f"{_NEEDS} 'Credential' parameter. {_NEEDS} 'Signature' parameter. {_NEEDS} 'SignedHeaders' parameter. "
    f"{_NEEDS} existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=X"
)
_PARAMETERS = ("Algorithm", "Credential", "Signature", "SignedHeaders", "Date")
IN_QUERY = (
    "".join(f"AWS query-string parameters must include 'X-Amz-{name}'. " for name in _PARAMETERS)
    + "Re-examine the query-string parameters."
)
BOTH = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."


async def ask(
    headers: dict[str, str], body: bytes = b"", method: str = "POST", path: str = "/"
) -> tuple[int, str | None, Any, dict[str, str]]:
    """Ask a fresh server; return status, content type, body as understood, and headers in lower case."""
    skip = {"Content-Type", "User-Agent", "Accept", "Accept-Encoding"}
    async with (
        server.emulator() as url,
        aiohttp.ClientSession(skip_auto_headers=skip) as http,
        http.request(method, url + path, data=body or None, headers=headers) as answer,
    ):
        raw = await answer.read()
        given = answer.headers.get("Content-Type")
        understood: Any = (
            raw.decode() if given is None else cbor2.loads(raw) if given == CBOR else orjson.loads(raw)
        )
        return answer.status, given, understood, {name.lower(): v for name, v in answer.headers.items()}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_anything_but_post_is_denied_in_xml(method: str) -> None:
    status, given, body, headers = await ask(SIGNED, method=method)
    assert (status, given, body) == (403, None, DENIED)
    assert headers["content-length"] == str(len(DENIED))


async def test_every_answer_has_the_headers_of_aws() -> None:
    status, _, _, headers = await ask({**SIGNED, "Content-Type": JSON, "X-Amz-Target": TARGET}, b"{}")
    assert status == 200
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["x-amzn-requestid"])
    assert 64 <= len(base64.b64decode(headers["x-amz-id-2"])) <= 80
    assert headers["date"].endswith("GMT")
    assert "server" not in headers


@pytest.mark.parametrize(
    ("headers", "code", "content_type"),
    [
        ({}, "UnknownOperationException", CBOR),
        (SIGNED, "UnknownOperationException", CBOR),
        ({**SIGNED, "Content-Type": "application/x-amz-json-1.0"}, "UnknownOperationException", CBOR),
        ({**SIGNED, "Content-Type": "application/x-amz-json-1.1asdf"}, "UnknownOperationException", CBOR),
        ({**SIGNED, "X-Amz-Target": "Whatever"}, "UnknownOperationException", CBOR),
        ({**SIGNED, "X-Amz-Target": "Kinesis_20131202."}, "UnknownOperationException", CBOR),
        ({**SIGNED, "X-Amz-Target": "Kinesis_20131202.ListStream"}, "UnknownOperationException", CBOR),
        ({**SIGNED, "X-Amz-Target": "Whatever.ListStreams"}, "UnknownOperationException", CBOR),
        ({**SIGNED, "X-Amz-Target": TARGET}, "SerializationException", CBOR),
        ({"Content-Type": JSON}, "UnknownOperationException", JSON),
        ({"Content-Type": "application/json", "X-Amz-Target": TARGET}, "SerializationException", CBOR),
        ({"Content-Type": JSON, "X-Amz-Target": TARGET}, "SerializationException", JSON),
    ],
)
async def test_a_request_without_a_body(headers: dict[str, str], code: str, content_type: str) -> None:
    assert (await ask(headers))[:3] == (400, content_type, {"__type": code})


async def test_a_body_of_another_type_is_denied_or_unknown() -> None:
    assert (await ask(SIGNED, b"{}"))[:3] == (403, None, DENIED)
    unknown = (404, None, "<UnknownOperationException/>\n")
    assert (await ask({**SIGNED, "X-Amz-Target": TARGET, "Content-Type": "text/plain"}, b"{}"))[:3] == unknown


@pytest.mark.parametrize("content_type", ["application/json", "     application/json     ;"])
async def test_plain_json_is_read_and_leads_nowhere(content_type: str) -> None:
    headers = {"Content-Type": content_type, "X-Amz-Target": TARGET}
    for body, status, code in (
        (b"{}", 404, "UnknownOperationException"),
        (b"hello", 400, "SerializationException"),
    ):
        output = {"Output": {"__type": f"com.amazon.coral.service#{code}"}, "Version": "1.0"}
        assert (await ask(headers, body))[:3] == (status, "application/json", output)


@pytest.mark.parametrize("body", [b"hello", b"true", b"null", b"[]", b'{"a":', b"\xff\xfe", b'{"a":"\xff"}'])
@pytest.mark.parametrize("content_type", [JSON, CBOR])
async def test_a_body_that_is_no_object_is_refused_before_anything_else(
    body: bytes, content_type: str
) -> None:
    refused = (400, content_type, {"__type": "SerializationException"})
    assert (await ask({"Content-Type": content_type, "X-Amz-Target": TARGET}, body))[:3] == refused
    assert (await ask({"Content-Type": content_type, "X-Amz-Target": "Kinesis_20131202.X"}, body))[
        :3
    ] == refused


@pytest.mark.parametrize(
    ("path", "headers", "code", "message"),
    [
        ("/", {}, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (
            "/?X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=c&X-Amz-Date=d",
            {},
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        ("/", {"Authorization": "X"}, "IncompleteSignatureException", IN_HEADER),
        ("/?X-Amz-Algorith", {"Authorization": "X"}, "IncompleteSignatureException", IN_HEADER),
        ("/?X-Amz-Algorithm", {"Authorization": "X"}, "InvalidSignatureException", BOTH),
        ("/?X-Amz-Algorithm", {}, "IncompleteSignatureException", IN_QUERY),
        (
            "/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d",
            {},
            "IncompleteSignatureException",
            "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string "
            "parameters.",
        ),
        *(
            (
                "/",
                {"Authorization": given, "Date": "a"},
                "IncompleteSignatureException",
                f"Authorization header requires 'SignedHeaders' parameter. Authorization={given}",
            )
            for given in (
                "AWS4- Signature=b Credential=a",
                "AWS4- Signature=b,Credential=a",
                "AWS4- Signature=b, Credential=a",
            )
        ),
    ],
)
async def test_a_signature_must_be_there_once_and_whole(
    path: str, headers: dict[str, str], code: str, message: str
) -> None:
    for content_type, body in ((f"   {JSON}   ;whatever", b"{}"), (CBOR, b"\xa0")):
        asked = {"Content-Type": content_type, "X-Amz-Target": TARGET, **headers}
        status, _, answer, _ = await ask(asked, body, path=path)
        assert (status, answer) == (400, {"__type": code, "message": message})


async def test_an_unknown_call_is_refused_before_a_missing_signature() -> None:
    headers = {"Content-Type": JSON, "X-Amz-Target": "Kinesis_20131202.Whatever"}
    assert (await ask(headers, b"{}"))[2] == {"__type": "UnknownOperationException"}


async def test_a_presigned_request_is_let_in_and_its_region_counts() -> None:
    path = (
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260101%2Feu-west-1%2Fkinesis%2Faws4_request"
        "&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
    )
    headers = {"Content-Type": JSON, "X-Amz-Target": "Kinesis_20131202.DescribeStream"}
    status, _, body, _ = await ask(
        headers, b'{"StreamARN":"arn:aws:kinesis:eu-west-1:000000000000:stream/s"}', path=path
    )
    assert (status, body["__type"]) == (400, "ResourceNotFoundException")


async def test_a_page_may_ask_and_is_told_what_it_may() -> None:
    asked = {
        "Origin": "whatever",
        "Access-Control-Request-Headers": "a, b, c",
        "Access-Control-Request-Method": "d",
    }
    for signed in ({}, SIGNED):
        status, given, body, headers = await ask({**signed, **asked}, method="OPTIONS")
        assert (status, given, body, headers["content-length"]) == (200, None, "", "0")
        assert headers["access-control-allow-origin"] == "*"
        assert headers["access-control-allow-headers"] == "a, b, c"
        assert headers["access-control-allow-methods"] == "d"
        assert headers["access-control-max-age"] == "172800"
        assert "x-amz-id-2" not in headers
    headers = (await ask({**SIGNED, "Origin": "whatever"}))[3]
    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-expose-headers"] == (
        "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date"
    )
