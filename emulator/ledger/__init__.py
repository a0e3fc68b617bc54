"""What was handed out, for comparison with what the pipeline published. Pure."""
