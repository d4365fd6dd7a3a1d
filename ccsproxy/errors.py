"""Errors that keep ccsproxy from starting, as types that a library user can catch."""


class StartError(Exception):
    """ccsproxy cannot start; the message is one sentence with the remedy."""


class ConfigError(StartError):
    """An option or a key of the config file is wrong.

    :ivar key: the option or key, as the user wrote it.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key


class BindError(StartError):
    """A port or endpoint cannot be listened on."""


class DataDirError(StartError):
    """The data directory cannot be used."""
