"""The whole system on one machine, for a bounded load, with a reconciliation report.

`run` feeds the load and waits for its results; `stage` starts and stops all parts, each of the `processes` by
its own id. `options` checks the options, `load` makes the load and its ledger, `world` lets the emulator
deliver it instead. `secured` starts Kafka, with TLS and ACLs if requested. `observer` reads the published
results; `progress` and `report` show and compare them.
"""
