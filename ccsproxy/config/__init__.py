"""Configuration: the table of options, their values, the command line and the file."""

from ccsproxy.config.model import Config, Upstream
from ccsproxy.config.values import upstream

__all__ = ["Config", "Upstream", "upstream"]
