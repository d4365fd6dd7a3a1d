"""Object stores and directories: closed segments unchanged, by day and host, each with a small Parquet file."""
