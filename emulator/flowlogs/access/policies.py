"""The evaluation of IAM and S3 policies, for the part of the policy language that flow logs need. Pure.

An explicit Deny wins over an Allow; without either, the request is not allowed (IAM guide, "Policy evaluation
logic"). Conditions on strings, ARNs and booleans are evaluated. A statement with any other condition operator
does not apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to be authorized. For policies attached to a role, `principal` is empty."""

    action: str
    resource: str = "*"
    principal: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


def decision(documents: Sequence[Document], request: Request) -> str:
    """Return `Allow`, `Deny`, or an empty string if no statement applies."""
    effects = {
        str(statement.get("Effect"))
        for document in documents
        for statement in _listed(document.get("Statement"))
        if _applies(statement, request)
    }
    return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else ""


def allows(documents: Sequence[Document], request: Request) -> bool:
    """Return True if the policies allow the request."""
    return decision(documents, request) == "Allow"


def _applies(statement: Document, request: Request) -> bool:
    return (
        _names(statement, "Action", request.action, folds=True)
        and _names(statement, "Resource", request.resource)
        and (not request.principal or _is_principal(statement, request.principal))
        and all(
            _is_met(operator, wanted, request.context)
            for operator, wanted in (statement.get("Condition") or {}).items()
        )
    )


def _names(statement: Document, what: str, value: str, *, folds: bool = False) -> bool:
    if f"Not{what}" in statement:
        return not _matches(_listed(statement[f"Not{what}"]), value, folds=folds)
    if what not in statement:
        return what == "Resource"  # A trust policy has no `Resource`.
    return _matches(_listed(statement[what]), value, folds=folds)


def _matches(patterns: Sequence[Any], value: str, *, folds: bool = False) -> bool:
    fold = str.lower if folds else str
    return any(fnmatchcase(fold(value), _escaped(fold(str(one)))) for one in patterns)


def _escaped(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # The only wildcards of a policy are `*` and `?`.


def _is_principal(statement: Document, principal: str) -> bool:
    if "NotPrincipal" in statement:
        return not _is_named(statement["NotPrincipal"], principal)
    return _is_named(statement.get("Principal"), principal)


def _is_named(named: Any, principal: str) -> bool:
    if named == "*":
        return True
    if not isinstance(named, Mapping):
        return False
    listed = [*_listed(named.get("Service")), *_listed(named.get("AWS"))]
    return principal in listed or "*" in listed


def _is_met(operator: str, wanted: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    name = operator.partition(":")[2] or operator
    is_optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    have = {key.lower(): value for key, value in context.items()}
    return all(
        _compares(name, _listed(values), have[key.lower()])
        if key.lower() in have
        else is_optional or "Not" in name
        for key, values in wanted.items()
    )


def _compares(name: str, values: Sequence[Any], given: str) -> bool:
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    match name:
        case "StringEquals":
            return given in texts
        case "StringNotEquals":
            return given not in texts
        case "StringEqualsIgnoreCase" | "Bool":
            return given.lower() in [one.lower() for one in texts]
        case "StringLike" | "ArnLike" | "ArnEquals":
            return _matches(texts, given)
        case "StringNotLike" | "ArnNotLike" | "ArnNotEquals":
            return not _matches(texts, given)
        case _:
            return False


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
