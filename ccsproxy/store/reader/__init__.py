"""Reads the store from any process or thread, without Twisted."""
