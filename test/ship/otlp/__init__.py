"""Tests of shipping to OTLP targets."""
