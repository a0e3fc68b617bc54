"""Clients that answer as AWS answered at a moment, from the topic `inventory`.

`read_inventory` and `read_services` of `connectors/vpc/diagnosis/account` read them as boto3's clients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from connectors.inventory.call import Call
from connectors.inventory.network_rows import CallAnswer, NetworkHistory

NETWORK_SERVICES = ("ec2", "elbv2", "rds", "elasticache", "lambda", "ecs")
"""The services whose answers are kept: those that a diagnosis reads."""


class ClientAt:
    """A client of one service with the answers of one moment. An operation returns all pages at once.

    Raises `ClientError` for an operation that was denied then, or that the inventory has not read.
    """

    def __init__(self, service: str, answers: Mapping[Call, CallAnswer]) -> None:
        self._service, self._answers = service, answers

    def can_paginate(self, _: str) -> bool:
        """Return False: there is one page."""
        return False

    def __getattr__(self, operation: str) -> Callable[..., Mapping[str, Any]]:
        """Return the operation."""
        if operation.startswith("_"):
            raise AttributeError(operation)

        def answered(**request: Any) -> Mapping[str, Any]:
            answer = self._answers.get(Call.of(self._service, operation, request))
            if answer is None:
                raise _error("UnsupportedOperation: the inventory has no answer of that time", operation)
            if answer.error:
                raise _error(answer.error, operation)
            return answer.content

        return answered


def clients_at(history: NetworkHistory, account: str, region: str, at_s: int) -> dict[str, ClientAt]:
    """Return the clients by service (`NETWORK_SERVICES`), with the answers of a moment (epoch seconds)."""
    answers = history.answers(account, region, at_s)
    return {service: ClientAt(service, answers) for service in NETWORK_SERVICES}


def _error(text: str, operation: str) -> ClientError:
    code, _, message = text.partition(": ")
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
