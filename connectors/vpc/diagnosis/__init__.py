"""The diagnosis of a connection: reachable or not, every cause, and the path in both directions.

`diagnose` is the entry: it resolves the ends and examines the `attempts` between their interfaces.
`load_balancing` follows a request behind a load balancer. `report` makes the JSON and the text, and `fixes`
the command that removes a cause, with `fix_routes` for route tables. `observed` compares flow-log records
with the result: `flow_file` reads them, `wanted` selects them, and `exchanges` joins them. `pairs` are all
pairs of interfaces, `expectations` the connections that a user expects, `changes` those of a configuration,
and `rejections` the refused conversations. `trace` follows a packet in one direction and collects the causes;
`account` reads the resources and resolves names.
"""
