"""`connect firehose`: the HTTP endpoint that Firehose delivery streams post to.

`connector` starts and stops it. `listener` has its address, keys and certificate; `handler` answers requests,
with 200 only after the commit. `headers` and `body` parse a request (pure); `body_reader` reads bodies within
a memory budget. `slot` queues the requests of one slot for its committer; `transaction` converts them to the
content of a transaction (pure). `committed_requests` recognises a repeated request by its id (pure).
"""
