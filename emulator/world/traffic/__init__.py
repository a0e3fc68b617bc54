"""The traffic of a world: flows, and what each interface records of them. Pure."""
