"""Amazon Bedrock: Converse, Invoke and their event streams."""
