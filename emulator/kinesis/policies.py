"""Resource policies of streams and consumers: validation, and evaluation for other accounts.

The supported part of the policy language is that for cross-account access: principals, actions with
wildcards, and Deny before Allow. Conditions are ignored. The owner's account needs no policy, as in AWS for
an identity with all permissions.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import cast

import orjson

from emulator.kinesis.errors import Refused, invalid_argument

NO_POLICY = "{}"  # The answer of GetResourcePolicy without a policy (LocalStack's snapshot of AWS).
MOST_CHARACTERS = 20_480  # IAM: the longest resource policy of any service


def check_policy(text: str) -> None:
    """Refuse an invalid policy. AWS's messages are not published."""
    if len(text) > MOST_CHARACTERS:
        raise invalid_argument(f"The policy is longer than {MOST_CHARACTERS} characters.")
    statements = list(_statements(text))
    if not statements:
        raise invalid_argument("The policy is not valid: it has no statement.")
    for statement in statements:
        if statement.get("Effect") not in {"Allow", "Deny"}:
            raise invalid_argument("The policy is not valid: each Effect must be Allow or Deny.")
        for field in ("Principal", "Action"):
            if not list(_texts(statement.get(field))):
                raise invalid_argument(f"The policy is not valid: a statement has no {field}.")


def allows(text: str, account: str, operation: str) -> bool:
    """Return True if a policy allows an account to call an operation."""
    if not text:
        return False
    action = f"kinesis:{operation}"
    meant = [
        statement.get("Effect")
        for statement in _statements(text)
        if _names(statement.get("Principal"), account) and _has(statement.get("Action"), action)
    ]
    return "Allow" in meant and "Deny" not in meant


def no_such_policy(arn: str) -> Refused:
    """Return AWS's error for deleting a policy that does not exist (seen by moto)."""
    return Refused("ResourceNotFoundException", f"No resource policy found for resource ARN {arn}.")


def _statements(text: str) -> Iterator[dict[str, object]]:
    try:
        policy = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise invalid_argument("The policy is not valid JSON.") from None
    if not isinstance(policy, dict):
        raise invalid_argument("The policy is not valid: it is no JSON object.")
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict):
            raise invalid_argument("The policy is not valid: a statement is no JSON object.")
        yield cast("dict[str, object]", statement)


def _names(principal: object, account: str) -> bool:
    # "*", "123456789012", "arn:aws:iam::123456789012:root" or a role of that account
    return any(text == "*" or account in text.split(":") for text in _texts(principal))


def _has(actions: object, action: str) -> bool:
    return any(fnmatchcase(action.lower(), text.lower()) for text in _texts(actions))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
