"""The HTTP API for programs, its live events, and the process that they run in."""
