"""Towards the API: client, pool, connections, TLS, corporate proxies."""
