"""StartStreamEncryption: later records are marked as encrypted. The emulator does not encrypt data.

AWS looks the key up in KMS. The emulator checks only the format of the key id.
"""

from __future__ import annotations

from emulator.kinesis import errors
from emulator.kinesis.call import Call, Output
from emulator.kinesis.state.streams import Encryption, Stream

MOST_A_DAY = 25  # StartStreamEncryption: "25 times in a rolling 24-hour period"
DAY_MS = 24 * 3_600_000


def start_stream_encryption(call: Call) -> Output:
    """Start to encrypt with a key. The answer is empty."""
    stream = encryptable_stream(call)
    stream.start_encryption(Encryption(call.text("KeyId")), call.now_ms)
    return None


def encryptable_stream(call: Call) -> Stream:
    """Return the stream in a request. Raises `Refused` if its encryption cannot be changed as requested."""
    stream = call.idle_stream()
    if call.text("EncryptionType") != "KMS":
        # AWS's messages for this error and the next are not published.
        raise errors.invalid_argument("KMS is the only valid EncryptionType for this request.")
    changes = sum(at_ms > call.now_ms - DAY_MS for at_ms in stream.encrypted_ms)
    if call.store.limits.as_aws and changes >= MOST_A_DAY:
        raise errors.limit_exceeded(
            f"Encryption of stream {stream.name} under account {stream.scope.account} was changed "
            f"{MOST_A_DAY} times in the last 24 hours, which is the limit."
        )
    return stream
