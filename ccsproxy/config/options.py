"""The options of ``twistd ccsproxy`` and ``twist ccsproxy``."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.python import usage

from ccsproxy.config.build import build_config
from ccsproxy.config.file import read_config_file
from ccsproxy.config.model import Config
from ccsproxy.config.setting import Setting
from ccsproxy.config.settings import SETTINGS
from ccsproxy.config.suggest import did_you_mean
from ccsproxy.errors import ConfigError


def _help_of(known: Setting) -> str:
    return f"{known.help} [default: {known.default}]"


class Options(usage.Options):
    """Parser of the command line; `config` holds the result after parsing."""

    synopsis = "[--upstream [NAME=]URL] [options]"
    longdesc = "Relay LLM API calls unchanged to an upstream and keep a redacted record of each."
    optParameters = [[s.name, None, None, _help_of(s)] for s in SETTINGS if s.read is not None and not s.many] + [
        ["config", None, None, "A TOML file with the same keys; options on the command line win."]
    ]
    optFlags = [[s.name, None, s.help] for s in SETTINGS if s.read is None] + [
        ["check-config", None, "Check options and config file, say so, and exit."]
    ]
    config: Config

    def __init__(self) -> None:
        self._many: dict[str, list[str]] = {}
        super().__init__()

    def _add(self, name: str, text: str) -> None:
        self._many.setdefault(name, []).append(text)

    def parseOptions(self, options: Any = None) -> None:
        """Parse, or exit with status 2 and one sentence if something is wrong."""
        try:
            super().parseOptions(options)
        except (usage.UsageError, ConfigError) as error:
            sys.stderr.write(f"ccsproxy: {error}{self._suggestion(str(error))}\n")
            raise SystemExit(2) from None

    def parseArgs(self, *words: str) -> None:
        """Refuse positional arguments: every setting has a name."""
        if words:
            raise usage.UsageError(
                f"{words[0]!r} is not an option; options begin with --, and a URL follows --upstream"
            )

    def _suggestion(self, complaint: str) -> str:
        # Twisted reports an unknown option in getopt's own words.
        unknown = re.fullmatch(r"option (--\S+) not recognized", complaint)
        return did_you_mean(unknown[1], (name.rstrip("=") for name in self.longOpt)) if unknown else ""

    def postOptions(self) -> None:
        """Build the configuration from options and config file."""
        self.config = self.build()
        self.check(self.config)
        if self["check-config"]:
            sys.stdout.write("ccsproxy: the configuration is valid\n")
            raise SystemExit(0)

    def check(self, config: Config) -> None:
        """Check what involves several options; subclasses in higher packages add their own checks.

        :raises ConfigError: if something does not fit.
        """

    def build(self) -> Config:
        """Return the configuration.

        :raises ConfigError: if something in it is wrong.
        """
        file = self["config"]
        settings = read_config_file(Path(file).expanduser()) if file is not None else None
        given = {s.name: [self[s.name]] for s in SETTINGS if not s.many and self[s.name]}
        given.update({s.name: [self[s.name]] for s in SETTINGS if s.read and not s.many and self[s.name] is not None})
        given.update(self._many)
        if settings is None:
            return build_config(given)
        return build_config(given, settings.given, settings.listens)


def _repeatable(known: Setting) -> Callable[[Options, str], None]:
    def add(options: Options, text: str) -> None:
        options._add(known.name, text)

    add.__doc__ = _help_of(known)
    return add


for _known in SETTINGS:
    if _known.many:
        setattr(Options, f"opt_{_known.name.replace('-', '_')}", _repeatable(_known))
