"""The calls on queues and channels: each says that it is not played, as for a call that AWS does not know."""

from __future__ import annotations

import pytest

from emulator.kinesis.shapes import NOT_PLAYED
from tests.emulator.kinesis.operations.api import OwnApi


@pytest.mark.parametrize("operation", NOT_PLAYED)
def test_it_is_refused_with_a_sentence(own: type[OwnApi], operation: str) -> None:
    code, message = own().refusal(operation, QueueName="q")
    assert code == "UnknownOperationException"
    assert message.startswith(f"{operation} is not played by this emulator")
