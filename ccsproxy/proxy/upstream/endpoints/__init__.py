"""The ways to an upstream: names, TCP, TLS, corporate and SOCKS proxies."""
