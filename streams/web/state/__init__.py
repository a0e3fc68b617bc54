"""Everything that the page knows. Pure."""
