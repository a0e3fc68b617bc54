"""The trace of one connection through the network, with all causes. Pure.

`conversation` follows both directions of a connection, `walk` one direction and `transit` a transit gateway.
`filters`, `states`, `gateways`, `hidden_routes` and `joins` find causes, with the `codes` of Reachability
Analyzer.
`findings` has the records, and `public_hosts` chooses addresses of the internet.
"""
