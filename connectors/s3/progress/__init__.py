"""Up to which event time the objects of one slot are complete. Pure."""
