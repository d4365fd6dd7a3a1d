"""What twistd lacks: child processes, signals, systemd, sockets, a leaner event loop."""
