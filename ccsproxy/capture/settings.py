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
    """Everything the recorder process is told (the payload of HELLO).

    :ivar data_dir: where records go.
    :ivar run_session_id: the session of exchanges whose client names none.
    :ivar provider: ``auto``, or the dialect family that is forced.
    :ivar bodies: whether bodies are kept (``--capture full``).
    :ivar keeping: what the store is told.
    :ivar spill_key: 32 bytes, made at the start of the relay.
    :ivar prices: file of the user's own prices, empty for none.
    :ivar redact_patterns: expressions of the user's own secrets.
    :ivar keep_patterns: expressions of what is no secret.
    :ivar labels: what every record is labelled with (see `ccsproxy.capture.recorder.sessions.labels`).
    :ivar body_limit: how much of one body is kept, in bytes as they were sent.
    :ivar memory_limit: how much of all unfinished bodies is kept, in bytes.
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
    """Return who records by default: this machine's name and this user's."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return {"host": socket.gethostname(), "user": user}


def labels_of(config: Config) -> dict[str, str]:
    """Return what every record is labelled with."""
    return {**own_labels(), **dict(config.labels)}


def _team_keys(config: Config) -> list[str]:
    """Return expressions of the team's own keys: should an upstream repeat one in an answer, it is redacted, too.

    A file that cannot be read now has been complained about where it is used.
    """
    found = []
    for _, path in config.upstream_key_files:
        try:
            found.append(re.escape(read_upstream_key(path).secret))
        except ConfigError:
            continue
    return found


def recorder_settings(config: Config, run_session_id: str, spill_key: bytes) -> RecorderSettings:
    """Pick what the recorder has to know."""
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
