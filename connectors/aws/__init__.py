"""AWS sessions, and calls from the event loop."""
