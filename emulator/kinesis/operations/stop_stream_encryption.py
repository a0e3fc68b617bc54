"""StopStreamEncryption: records put from then on say that they are not encrypted."""

from __future__ import annotations

from emulator.kinesis.call import Call, Output
from emulator.kinesis.operations.start_stream_encryption import encryptable_stream
from emulator.kinesis.state.streams import Encryption


def stop_stream_encryption(call: Call) -> Output:
    """Start to encrypt no more; the answer is empty."""
    encryptable_stream(call).start_encryption(Encryption(), call.now_ms)
    return None
