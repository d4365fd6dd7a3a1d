"""The mock's answers in the wire formats of the providers: one module for each."""
