"""What twistd lacks: child processes, signals, systemd, sockets, an event loop that wakes seldom."""
