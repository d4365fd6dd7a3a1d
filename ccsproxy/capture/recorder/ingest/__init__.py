"""What the relays give: their logs, read while they live and worked off when they have died."""
