"""Tests of the commands in ``ccsproxy.tools.records``."""
