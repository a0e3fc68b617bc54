"""One real Apache Kafka node on this machine.

`node` formats, starts and stops it: the command `python -m emulator.kafka` is in `__main__`. `installation`
joins Kafka's `jars`, a `java`, and the class-data `archive` that shortens its start. `folder` locks a data
folder, `properties` has the broker's settings (pure), `ports` finds a free port, `orphan` ends the broker
when its parent dies, `errors` are for people. If VPCFLOW_KAFKA names a broker, callers use that one instead.
"""
