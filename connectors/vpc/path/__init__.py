"""The path of a packet through the network. Pure.

`verdict` answers whether AWS would accept a packet, what each interface on its path records, and which rule
decided. `packet_path` follows one packet; `hops` finds the next hop from a route table; `checkpoints`
evaluates the rules at one interface in one direction; `recording` makes the flow-log records.
"""
