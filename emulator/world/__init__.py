"""A synthetic VPC estate: its topology, its traffic, and its incidents.

`topology` describes an estate, `builder` creates it by EC2 calls, `traffic` generates flows and records,
`incidents` plants attacks and misconfigurations. `simulation` joins them minute by minute (pure). `settings`
has the options of a world (pure), `running` implements `vpcflow world`, and `remote` controls the world of a
running emulator.
"""
