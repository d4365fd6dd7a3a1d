"""Parsing of request bytes: where a head ends, what it asks for, and how its body is framed."""
