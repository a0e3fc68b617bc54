"""Where a delivery stream delivers to."""
