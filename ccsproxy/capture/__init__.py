"""Capture: turns copies of relayed bytes into finished records."""
