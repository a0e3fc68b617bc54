"""The rules that decide on one packet at one place. Pure.

`routes` chooses the route by priority, `security_groups` and `network_acls` allow or refuse a packet,
`internet` lists the addresses that internet gateways do not carry, and `unlogged` the traffic that flow logs
never show.
"""
