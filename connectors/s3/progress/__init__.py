"""The event time up to which the objects of one slot are complete. Pure.

`listing` is the rule for objects found by listing, `queue` for objects found by a queue, `exports` for
exported files. `slot` combines them to the progress of a slot.
"""
