"""Turns a recorded request into one that can be sent again, with modifications and the user's own credentials."""
