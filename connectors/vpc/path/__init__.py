"""The path of a packet through the network. Pure."""
