"""ccsproxy: a flight recorder for coding agents."""

__version__ = "0.2.0"
