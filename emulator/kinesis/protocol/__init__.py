"""The encoding of Kinesis requests, answers and records. Pure.

`wire` has the target header, the credential scope, JSON bodies and errors; `cbor` the CBOR of AWS's Java
SDKs; `event_stream` the frames of a subscription; `record_texts` the encoded form of stored records.
"""
