"""The recorder's half of capture: frames become records."""
