"""Endpoints for what is derived from records: conversations, costs, verdicts, findings."""
