"""Turns the messages of a WebSocket into exchanges, each a request and its response, or into a log of messages."""
