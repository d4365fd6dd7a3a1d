"""ClickHouse: one row of facts a call, each text once a day, what a call says that is new, and whole records."""
