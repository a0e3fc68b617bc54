"""The rules that decide on one packet at one place. Pure."""
