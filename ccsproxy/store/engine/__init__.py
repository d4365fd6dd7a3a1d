"""The store as engines keep it that it was shipped to: the same questions, answered by ClickHouse or over objects."""
