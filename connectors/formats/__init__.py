"""AWS's text formats of flow logs. Pure."""
