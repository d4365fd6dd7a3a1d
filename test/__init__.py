"""Tests of ccsproxy."""

from hypothesis import HealthCheck, settings

# How fast values are made says how busy the machine is, and nothing of what is tested.
settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("suite")
