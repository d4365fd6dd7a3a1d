"""What twistd lacks: child processes, tuning, signals, listening, and what the system tells of peers."""
