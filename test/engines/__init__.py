"""Tests against the engines that teams have: run by ``make test-engines``, which gets the engines first."""
