"""Rate limits and subscription windows, and when they will be reached."""
