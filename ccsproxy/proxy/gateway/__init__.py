"""The relay as a team's gateway: who calls, and which key the upstream gets."""
