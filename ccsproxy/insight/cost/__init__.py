"""What calls and the parts of their prompts cost, and what of a budget is spent."""
