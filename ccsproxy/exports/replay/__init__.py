"""Turns a recorded request into one that can be sent again, with changes and with somebody's own credentials."""
