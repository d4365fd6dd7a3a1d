"""Counters and histograms of calls with bounded labels, for Prometheus and OpenTelemetry."""
