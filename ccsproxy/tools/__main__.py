"""The ``ccsproxy`` command, and ``python -m ccsproxy.tools``: what runs before anything else is imported."""

import sys


def main() -> int:
    """Run the command line; an interruption while its modules are imported ends it as quietly as one later.

    :return: the exit status (see `ccsproxy.tools.main.main`).
    """
    try:
        # Here, as on a busy machine the modules take a second, in which somebody may change their mind.
        from ccsproxy.tools.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
