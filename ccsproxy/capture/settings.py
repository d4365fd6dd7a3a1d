"""The settings that the relay sends to the recorder over the link, because they contain a key."""

import os
import pwd
import re
import socket

import msgspec

from ccsproxy.config.keeping import Keeping, keeping_of
from ccsproxy.config.keys import read_upstream_key
from ccsproxy.config.model import Config
from ccsproxy.errors import ConfigError


class RecorderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of the recorder process (the payload of HELLO).

    :ivar data_dir: where records go.
    :ivar run_session_id: the session of exchanges whose client does not name one.
    :ivar provider: ``auto``, or the dialect family to use.
    :ivar bodies: whether bodies are kept (``--capture full``).
    :ivar keeping: the store's settings.
    :ivar spill_key: 32 bytes, generated when the relay starts.
    :ivar prices: the user's own price file, empty for none.
    :ivar redact_patterns: regular expressions for the user's own secrets.
    :ivar keep_patterns: regular expressions for what is not a secret.
    :ivar labels: labels of every record (see `ccsproxy.capture.recorder.sessions.labels`).
    :ivar body_limit: how many bytes of one body are kept, as they were sent.
    :ivar memory_limit: how many bytes of all unfinished bodies are kept.
    """

    data_dir: str
    run_session_id: str
    spill_key: bytes
    provider: str
    bodies: bool = True
    keeping: Keeping = Keeping()
    prices: str = ""
    redact_patterns: tuple[str, ...] = ()
    keep_patterns: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    body_limit: int = 32 << 20
    memory_limit: int = 512 << 20


def own_labels() -> dict[str, str]:
    """Return the default labels: this machine's name and this user's."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return {"host": socket.gethostname(), "user": user}


def labels_of(config: Config) -> dict[str, str]:
    """Return the labels of every record."""
    return {**own_labels(), **dict(config.labels)}


def _team_keys(config: Config) -> list[str]:
    """Return expressions for the team's own keys, to redact them if an upstream repeats one in a response.

    A file that cannot be read now has already been reported where it is used.
    """
    found = []
    for _, path in config.upstream_key_files:
        try:
            found.append(re.escape(read_upstream_key(path).secret))
        except ConfigError:
            continue
    return found


def recorder_settings(config: Config, run_session_id: str, spill_key: bytes) -> RecorderSettings:
    """Pick the recorder's settings from the configuration."""
    return RecorderSettings(
        data_dir=str(config.data_dir),
        run_session_id=run_session_id,
        spill_key=spill_key,
        provider=config.provider,
        bodies=config.capture != "metadata",
        keeping=keeping_of(config),
        prices=str(config.prices or ""),
        redact_patterns=(*config.redact_patterns, *_team_keys(config)),
        keep_patterns=config.keep_patterns,
        labels=labels_of(config),
    )
