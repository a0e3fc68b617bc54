"""The check that a request has a complete signature. The emulator does not verify signatures.

A signature is in the `Authorization` header or in the query string (presigned). Requests with both, with none
or with an incomplete one are refused with AWS's messages, recorded by kinesalite's test suite.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from emulator.kinesis.errors import Refused

_WHOLE = re.compile(r"AWS4-\S+ +Credential=[^=,\s]+, *SignedHeaders=[^=,\s]+, *Signature=[^=,\s]+")
_IN_HEADER = ("Credential", "Signature", "SignedHeaders")
_IN_QUERY = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")


def complaint(headers: Mapping[str, str], target: str) -> Refused | None:
    """Return the error for a request without a complete signature, or None. Header names are lower case."""
    authorization = headers.get("authorization")
    if "?" not in target:
        if authorization is not None and "x-amz-date" in headers and _WHOLE.fullmatch(authorization):
            return None  # The form that all SDKs send.
        query: dict[str, str] = {}
    else:
        query = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
    is_in_query = "X-Amz-Algorithm" in query
    if authorization and is_in_query:
        return Refused(
            "InvalidSignatureException",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
        )
    if not authorization and not is_in_query:
        return Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    sentences = _missing_in_header(headers, authorization) if authorization else _missing_in_query(query)
    return Refused("IncompleteSignatureException", " ".join(sentences)) if sentences else None


def credential_in_query(target: str) -> str:
    """Return the credential of a presigned request in the header's form, or an empty string."""
    if "X-Amz-Credential=" not in target:
        return ""
    credential = dict(parse_qsl(target.partition("?")[2])).get("X-Amz-Credential", "")
    return f"Credential={credential}"


def _missing_in_header(headers: Mapping[str, str], authorization: str) -> list[str]:
    given = {}
    for part in re.split(r"[, ]", authorization)[1:]:
        name, _, value = part.partition("=")
        given[name] = value
    sentences = [
        f"Authorization header requires '{name}' parameter." for name in _IN_HEADER if not given.get(name)
    ]
    if "x-amz-date" not in headers and "date" not in headers:
        sentences.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    return [*sentences, f"Authorization={authorization}"] if sentences else []


def _missing_in_query(query: Mapping[str, str]) -> list[str]:
    sentences = [
        f"AWS query-string parameters must include '{name}'." for name in _IN_QUERY if not query.get(name)
    ]
    return [*sentences, "Re-examine the query-string parameters."] if sentences else []
