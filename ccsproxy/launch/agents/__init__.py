"""The agents that can be started: one declarative file each, listed in `ccsproxy.launch.registry`."""
