"""The emulator's page about flow logs and the world."""
