"""What goes wrong in a world, with the label of each incident. Pure."""
