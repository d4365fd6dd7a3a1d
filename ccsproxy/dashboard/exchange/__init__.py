"""One exchange: overview, timing, context, bodies."""
