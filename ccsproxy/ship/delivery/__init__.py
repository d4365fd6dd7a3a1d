"""How records get from segments to a target: read behind a position, in batches, again until they are taken."""
