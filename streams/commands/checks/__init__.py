"""The tests of `vpcflow check`.

`plan` chooses the parts of the system by the settings that are given (pure), `trials` tests each part, with
`inventory` for the inventory, and `report` prints the settings and the results.
"""
