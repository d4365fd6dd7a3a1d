"""What is made of records: conversations, costs, cache verdicts, findings; computed, without files or network."""
