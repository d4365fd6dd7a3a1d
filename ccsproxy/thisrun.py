"""What one run of the program says of itself: in ``run.json`` and as its health."""

import os
import time
from typing import Any

from ccsproxy import __version__
from ccsproxy.config.model import Config
from ccsproxy.exchange.ids import iso_time, run_session_id
from ccsproxy.run import Running


class ThisRun:
    """One run.

    :ivar started_at: seconds since the epoch.
    :ivar session_id: the session of exchanges whose client names none.
    """

    def __init__(self, config: Config, started_at: float) -> None:
        self._config = config
        self.started_at = started_at
        self.session_id = run_session_id(started_at)

    def file(self, running: Running) -> dict[str, Any]:
        """Return the content of ``run.json`` (contract, section 1)."""
        return {
            "pid": os.getpid(),
            "version": __version__,
            "started_at": iso_time(self.started_at),
            "proxy": running.proxy_urls,
            "api": running.api_urls,
            "upstreams": running.upstreams,
            "session_id": self.session_id,
        }

    def health(self, capture: dict[str, Any], in_flight: int) -> dict[str, Any]:
        """Return what ``GET /api/health`` says (contract, section 6).

        :param capture: the state of capture, with the store's own word under ``store``.
        :param in_flight: exchanges that the relay has under way.
        """
        store = capture.pop("store") or {}
        whole = capture["recorder"] != "down" and store.get("store", "ok") == "ok"
        return {
            "status": "ok",
            "provider": self._config.provider,
            "upstream": self._config.upstreams[0].url,
            "session_id": self.session_id,
            "started_at": iso_time(self.started_at),
            "request_count": capture["accepted"],
            "store": "ok" if whole else "degraded",
            "pid": os.getpid(),
            "version": __version__,
            "uptime_s": round(time.time() - self.started_at, 3),
            "upstreams": {one.name: one.url for one in self._config.upstreams},
            "redact": self._config.redact,
            "capture_level": self._config.capture,
            "workers": self._config.workers,
            **capture,
            "in_flight": in_flight,
            "store_detail": store,
        }
