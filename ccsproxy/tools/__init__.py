"""The ``ccsproxy`` command: one module per subcommand."""
