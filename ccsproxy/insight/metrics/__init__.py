"""What calls amount to as counters and histograms with bounded labels, for Prometheus and OpenTelemetry."""
