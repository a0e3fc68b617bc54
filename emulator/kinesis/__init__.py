"""Amazon Kinesis Data Streams, as a function from a request and a time to an answer.

`service` is the entry: it checks a request in AWS's order and calls one of `operations`. `shapes` has the
fields and limits of each call, `protocol` the encodings, `http` the edge, `state` the streams and shards,
`tokens` the iterators and pagination tokens, `persistence` the store on disk, `faults` injected faults.
`store` has all streams, `call` one call, `puts` the storing of records, `admission` and `limits` AWS's
limits, `subscription` enhanced fan-out; `descriptions`, `policies`, `tags` and `errors` are shared by several
calls. Pure except `http` and `persistence`. By default nothing is throttled. Nothing is encrypted, and
signatures are not verified. Queues and channels are not supported.
"""
