"""The diagnosis of a connection: reachable or not, every cause, and the path in both directions.

`diagnose` is the entry: it resolves the ends and examines the `attempts` between their interfaces.
`load_balancing` follows a request behind a load balancer. `report` makes the JSON and the text. `observed`
compares flow-log records with the result; `wanted` selects them. `trace` follows a packet in one direction
and collects the causes; `account` reads the resources and resolves names.
"""
