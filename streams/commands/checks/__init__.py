"""What `vpcflow check` tries."""
