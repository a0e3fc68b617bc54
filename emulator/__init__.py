"""A simulation of AWS on one port, its traffic, and the ledger that a replay is compared with.

`server` is the port: `router` sends each request to `kinesis` or `firehose`, to `flowlogs`, or to `moto` for
all other services. `http` is the protocol. `lazy_services` loads a service with its first request,
`persistence` opens the store on disk, `runtime_options` has the limits and `faults` that can change at run
time, `inspection` the pages about its state, `log` its log, `scope` the account and Region of a request.
`world` is a synthetic VPC estate, `load` a bounded load, `ledger` the record of all delivered lines, and
`kafka` a real Kafka on this machine. `connectors` does not import this package, and `streams` imports it for
the command line and the replay only.
"""
