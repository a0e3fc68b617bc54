"""`vpcflow work`: the Faust worker and its three hops."""
