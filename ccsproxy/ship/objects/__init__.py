"""Object stores and folders: closed segments as they are, by day and host, each with a small Parquet file beside."""
