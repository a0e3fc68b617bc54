"""The trace of one connection through the network, with all causes. Pure.

`conversation` follows both directions of an `attempt`, `walk` one direction and `transit` a transit gateway.
`filters`, `states`, `gateways`, `hidden_routes`, `what_if` and `joins` find causes, with the `codes` of
Reachability Analyzer; `unread` handles what the caller may not read.
`findings` has the records, and `public_hosts` chooses addresses of the internet.
"""
