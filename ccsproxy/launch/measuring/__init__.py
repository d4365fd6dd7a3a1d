"""Measuring what a base URL changes in an agent: it is started both ways against a mock on this machine
(``ccsproxy doctor --measure``)."""
