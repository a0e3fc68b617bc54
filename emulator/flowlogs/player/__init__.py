"""The process that simulates a world and delivers its flow logs.

`link` is the emulator's end: it starts `child` and sends it each `snapshot` of the flow logs. `simulator`
runs the minutes: a `run` is one world from start to end, `world_time` its time, `scope_simulation` the estate
of one account and Region. `intervals` gathers a flow log's records over its interval and `rows` writes their
fields (pure). `delivery` hands them over, through the emulator's `port`.
"""
