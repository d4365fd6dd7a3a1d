"""What the proxies are driven with: each scenario is what the load does, and how the mock upstream answers."""

from pathlib import Path

import attr

from bench.agent_calls import write_agent_calls

MB = 1_000_000
_UPGRADE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


@attr.frozen
class Scenario:
    """One way to drive a proxy.

    :ivar load: arguments of the load; ``{agent}`` stands for the file of agent calls.
    :ivar paced: what comes when is the mock upstream's doing, so that its delays are what is measured.
    :ivar tls: the upstream speaks TLS.
    :ivar seconds: how long is measured where the load is not told how many requests to make.
    """

    load: str
    paced: bool = False
    tls: bool = False
    seconds: float = 8

    def arguments(self, agent: Path, seconds: float | None) -> list[str]:
        """Return the arguments of the load."""
        given = self.load.format(agent=agent).split(" ")
        return [*given, "-d", str(seconds or self.seconds)]


_PACED = "-c 1000 -n 3 -r 3 -w 3.2 -X 25 -b 1000 -m mode=paced&n=30&ms=100"
_JSON = "-c 64 -w 1 -b 1000 -m mode=json&sz=1000"
_WEBSOCKET = "-c 1000 -r 3 -w 4 -G -u /v1/live?mode=ws&n=100000&ms=100"
SCENARIOS = {
    "paced": Scenario(_PACED, paced=True, seconds=5),
    "agent": Scenario(
        "-c 24 -n 4 -r 2 -w 2 -X 25 -q 400 -F {agent} -m mode=paced&ms=8&sz=170", paced=True, seconds=7
    ),
    "agent-fast": Scenario("-c 8 -w 0.5 -F {agent} -m mode=burst&w=1&sz=170", seconds=3),
    "json": Scenario(_JSON, seconds=4),
    "up1mb": Scenario(f"-c 16 -w 0.5 -b {MB} -m mode=json&sz=1000", seconds=2),
    "down1mb": Scenario(f"-c 16 -w 0.5 -b 1000 -m mode=json&sz={MB}", seconds=2),
    "burst": Scenario("-c 32 -w 1 -b 1000 -m mode=burst&n=200&w=0", seconds=4),
    "websocket": Scenario(_WEBSOCKET, paced=True),
    "paced-tls": Scenario(_PACED, paced=True, tls=True, seconds=5),
    "json-tls": Scenario(_JSON, tls=True, seconds=4),
}
#: Those that are run when none is named.
USUAL = ("paced", "agent", "agent-fast", "json", "up1mb", "down1mb")


def headers_of(name: str) -> list[str]:
    """Return further arguments of the load that hold blanks."""
    lines = _UPGRADE if name == "websocket" else []
    return [argument for field, value in lines for argument in ("-H", f"{field}: {value}")]


def agent_file(directory: Path, small: bool = False) -> Path:
    """Make the file of agent calls: bodies of 200 to 900 KB, or of 50 to 200 for a quick try."""
    path = directory / "agent-calls"
    if not path.exists():
        sizes = {"sessions": 24, "turns": 8, "smallest": 200_000, "largest": 900_000}
        if small:
            sizes = {"sessions": 24, "turns": 3, "smallest": 50_000, "largest": 200_000}
        write_agent_calls(path, **sizes)
    return path
