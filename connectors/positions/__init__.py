"""`vpcflow connect positions` and `vpcflow connect reset`."""
