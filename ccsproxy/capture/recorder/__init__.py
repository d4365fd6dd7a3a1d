"""The recorder's half of the hand-over: frames become records."""
