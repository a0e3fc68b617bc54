"""StopStreamEncryption: later records are marked as not encrypted."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.start_stream_encryption import encryptable_stream
from emulator.kinesis.state.streams import Encryption


def stop_stream_encryption(call: Call) -> Output:
    """Start to disable encryption. The answer is empty."""
    encryptable_stream(call).start_encryption(Encryption(), call.now_ms)
    return None
