"""Tests of logging in to the hub by OpenID Connect."""
