"""How Kinesis requests, answers and records are encoded. Pure.

`wire` has the target header, the credential scope, JSON bodies and errors; `cbor` the CBOR of AWS's Java
SDKs; `event_stream` the frames of a subscription; `record_texts` a record as readers get it.
"""
