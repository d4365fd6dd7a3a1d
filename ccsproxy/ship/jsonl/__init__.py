"""Batches of JSON lines over HTTPS, for Vector, Fluent Bit, Logstash, or a custom receiver."""
