"""The calls on queues and channels: each is refused as unsupported, like a call that AWS does not know."""

from __future__ import annotations

import pytest

from emulator.kinesis.shapes import NOT_SUPPORTED
from tests.emulator.kinesis.operations.api import OwnApi


@pytest.mark.parametrize("operation", NOT_SUPPORTED)
def test_it_is_refused_with_a_sentence(own: type[OwnApi], operation: str) -> None:
    code, message = own().refusal(operation, QueueName="q")
    assert code == "UnknownOperationException"
    assert message.startswith(f"{operation} is not supported by this emulator")
