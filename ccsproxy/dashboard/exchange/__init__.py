"""The page of one exchange: overview, timing, context, bodies."""
