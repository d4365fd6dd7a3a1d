"""Endpoints that reach an upstream: by name, TCP, TLS, corporate and SOCKS proxies."""
