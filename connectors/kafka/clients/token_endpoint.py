"""Tokens from an OAuth 2.0 token endpoint by the grant `client_credentials` (RFC 6749, 4.4).

The client authenticates by HTTP Basic, as Kafka's Java client does.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import orjson
import pybase64

from connectors.kafka.clients.connection import TokenEndpoint
from connectors.kafka.clients.secret_files import secret
from connectors.kafka.clients.tls import CA, trusting
from connectors.kafka.clients.tokens import Token, TokenUnavailable
from connectors.settings import SettingsError

ANSWER_S = 10.0
ANSWER_MAX_BYTES = 1 << 20
LIFETIME_S = 60.0
"""The lifetime of a token whose answer has no `expires_in`."""


def endpoint_token(endpoint: TokenEndpoint) -> Token:
    """Request a token. Raises `TokenUnavailable`."""
    try:
        request = _request(endpoint, secret(endpoint.secret))
        context = trusting(CA, endpoint.ca) if endpoint.url.startswith("https:") else None
        with urllib.request.urlopen(request, timeout=ANSWER_S, context=context) as answer:
            return _token(orjson.loads(answer.read(ANSWER_MAX_BYTES)))
    except SettingsError as error:
        raise TokenUnavailable(str(error)) from error
    except urllib.error.HTTPError as error:
        raise _unavailable(endpoint, f"answers {error.code}{_reason(error)}") from None
    except urllib.error.URLError as error:
        raise _unavailable(endpoint, f"cannot be reached: {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise _unavailable(endpoint, f"cannot be reached: {error or type(error).__name__}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not the cause: the answer may hold a token.
        raise _unavailable(endpoint, "answers with no access_token in JSON") from None


def _request(endpoint: TokenEndpoint, client_secret: str) -> urllib.request.Request:
    form = {"grant_type": "client_credentials"} | ({"scope": endpoint.scope} if endpoint.scope else {})
    basic = pybase64.b64encode(f"{endpoint.client}:{client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
    return urllib.request.Request(endpoint.url, urllib.parse.urlencode(form).encode(), headers)


def _token(answer: dict[str, Any]) -> Token:
    value = answer["access_token"]
    if not isinstance(value, str) or not value:
        raise ValueError("no access_token")
    return Token(value, float(answer.get("expires_in") or LIFETIME_S))


def _reason(error: urllib.error.HTTPError) -> str:
    """Return the error code of a token endpoint (RFC 6749, 5.2), such as `invalid_client`."""
    try:
        code = orjson.loads(error.read(ANSWER_MAX_BYTES))["error"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" {code}" if isinstance(code, str) and code.isidentifier() else ""


def _unavailable(endpoint: TokenEndpoint, why: str) -> TokenUnavailable:
    return TokenUnavailable(
        f"no token for Kafka: VPCFLOW_KAFKA_TOKEN_URL={endpoint.url} {why}; check VPCFLOW_KAFKA_TOKEN_CLIENT"
        " and VPCFLOW_KAFKA_TOKEN_SECRET"
    )
