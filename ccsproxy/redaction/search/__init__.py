"""The search for secrets in a text: one pass of a linear engine, and a judgement of each place that it names."""
