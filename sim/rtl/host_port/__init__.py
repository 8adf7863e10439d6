"""The host's record stream."""
