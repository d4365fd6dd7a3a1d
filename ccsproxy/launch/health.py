"""The health of a running service, as asked over its API."""

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_health(found: Mapping[str, Any], data_dir: Path) -> dict[str, Any]:
    """Return the service's health, empty if it does not answer.

    :param found: its run file.
    :param data_dir: contains its token; beyond loopback, as in a container, it requires one.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        health_request = urllib.request.Request(f"{found['api'][0]}/api/health", headers=_shown(data_dir))  # noqa: S310
        with opener.open(health_request, timeout=5) as answer:
            value = json.load(answer)
    except (OSError, ValueError, IndexError, KeyError):
        return {}
    return value if isinstance(value, dict) else {}


def _shown(data_dir: Path) -> dict[str, str]:
    """Return the header field with the token; none if there is no readable token."""
    try:
        return {"Authorization": f"Bearer {(data_dir / 'api-token').read_text('ascii').strip()}"}
    except (OSError, ValueError):
        return {}
