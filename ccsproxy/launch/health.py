"""What a running service says of itself."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


def read_health(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the service's health, empty where it does not answer.

    :param found: its run file.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{found['api'][0]}/api/health", timeout=5) as answer:
            value = json.load(answer)
    except (OSError, ValueError, IndexError, KeyError):
        return {}
    return value if isinstance(value, dict) else {}
