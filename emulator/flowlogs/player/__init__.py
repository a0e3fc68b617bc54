"""The process that simulates a world and delivers its flow logs.

`link` is the emulator's end: it starts `child` and sends it each `snapshot` of the flow logs. `simulator`
simulates one minute after the other: a `run` is one world from start to end, `world_time` its clock,
`scope_simulation` the estate of one account and Region. `intervals` collects a flow log's records over its
aggregation interval, and `rows` writes their fields (pure). `delivery` delivers them through the emulator's
`port`.
"""
