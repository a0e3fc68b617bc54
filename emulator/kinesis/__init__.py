"""Amazon Kinesis Data Streams: a request and a time in, an answer out.

`service` is the entry: it checks a request in AWS's order and calls one of `operations`. `shapes` has the
fields and limits of each call, `protocol` the encodings, `http` the edge, `state` the streams and shards,
`tokens` the iterators and page tokens, `persistence` the store on disk, `faults` injected faults. `store` has
all streams, `call` one call, `puts` records on their way in, `admission` and `limits` AWS's limits,
`subscription` enhanced fan-out; `descriptions`, `policies`, `tags` and `errors` are shared by several calls.
Pure except `http` and `persistence`. By default nothing is throttled; nothing is encrypted; signatures are
not verified. Queues and channels are not implemented.
"""
