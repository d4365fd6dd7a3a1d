"""Every route and page of the hub, walked by a person of each role: what is others' is nowhere in an answer."""

import json
import random
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

from test.effort import THOROUGH
from test.integration.test_hub import HubTestCase
from test.ship.reader_contract import fill
from test.ship.segments import Segments

#: Whose calls there are: the label ``user``, and the team of each.
USERS = {"ann": "red", "bob": "red", "eve": "blue"}
#: Who asks, and whose calls they may see.
PEOPLE = {"lead": ("ann", "bob", "eve"), "ann": ("ann",), "tess": ("ann", "bob"), "stranger": (), "nobody": ()}
ROLES = """
[people]
lead = "all"
ann = "own"
tess = { role = "team", team = "red" }
nobody = "none"
"""
#: Ways to ask for a list: what a filter lets through, and what a refusal says, may tell of others, too.
QUESTIONS = (
    "", "?totals=true", "?q=canary*", "?q=errors:yes&totals=true", "?q=sort:-cost", "?q=model:canary", "?limit=1",
    "?q=client:canary", "?q=cwd:canary", "?before=9000000000000000000", "?q=nonsense:1", "?status=abc",
)  # fmt: skip


def canary(user: str, what: str) -> str:
    """Return a word that only one person's calls hold."""
    return f"canary{user}{what}"


def marked(made: dict[str, Any], user: str) -> dict[str, Any]:
    """Put a person's words everywhere into a record."""
    said = canary(user, "text")
    body = made["request"]["body"]
    body["messages"] = [{"role": "user", "content": [{"type": "text", "text": f"{said} {canary(user, 'title')}"}]}]
    body["system"] = canary(user, "system")
    body["tools"] = [{"name": f"mcp__{canary(user, 'server')}__x", "description": said, "input_schema": {}}]
    made["response"]["body_reassembled"]["content"] = [
        {"type": "tool_use", "id": "toolu_9", "name": f"mcp__{canary(user, 'server')}__x", "input": {"a": said}}
    ]
    made["response"]["headers"]["anthropic-ratelimit-requests-limit"] = "50"
    made["response"]["headers"]["anthropic-organization-id"] = canary(user, "account")
    for name in ("model", "response_model", "upstream", "request_id"):
        made[name] = canary(user, name)
    made["client"] = {"name": canary(user, "client"), "version": canary(user, "version"), "cwd": f"/{said}"}
    made["request"]["path"] = f"/v1/messages?{said}"
    made["error"] = {"kind": "http_error", "message": canary(user, "error")}
    made["outcome"] = "http_error"
    made["labels"] = {"host": "h", "user": user, "team": USERS[user], "note": canary(user, "label")}
    made["capture"]["outbound_secrets"] = [{"kind": canary(user, "secret"), "where": said, "count": 1}]
    made["session_id"] = f"{canary(user, 'session')}-{made['session_id']}"
    return made


class RoleWalkTests(HubTestCase):
    """Whoever asks, by whatever way."""

    def filled(self, segments: Segments) -> list[dict[str, Any]]:
        """Make calls of three people."""
        names = [*USERS]
        return fill(segments, 60, lambda number, made: marked(made, names[number % 3]))

    def test_walk(self) -> None:
        """No answer holds a word of what somebody may not see, and each of one's own is found."""
        roles, audit = Path(self.mktemp()), Path(self.mktemp())
        roles.write_text(ROLES)
        self.start("--auth-header", "X-Person", "--roles", str(roles), "--audit", str(audit))
        asked = 0
        for person, seen in PEOPLE.items():
            found, hidden = b"", [user for user in USERS if user not in seen]
            ways = list(self.ways())
            # In the quick suite each walks half of the ways, another half in each run.
            for path in ways if THOROUGH else random.sample(ways, len(ways) // 2):
                status, body = self.get(path, person)
                asked += 1
                own = [word for word in set(re.findall(rb"canary[a-z_]+", body)) if word not in quote(path).encode()]
                for user, word in product(hidden, own):
                    self.assertFalse(word.startswith(b"canary" + user.encode()), f"{person} {path} {status} {word!r}")
                self.assertLess(status, 500, f"{person} {path}")
                found += body
            for user in seen:
                self.assertIn(canary(user, "text").encode(), found)
            listed = json.loads(self.get("/api/requests?totals=true&limit=1000", person)[1])
            if person != "nobody":
                self.assertEqual(listed["totals"]["requests"], 20 * len(seen), person)
                self.assertEqual(len(listed["requests"]), 20 * len(seen), person)
        for path, mark in (("/api/leaks", "secret"), ("/api/prompts", "server")):
            said = self.get(path, "tess")[1].decode()
            self.assertEqual([user for user in USERS if canary(user, mark) in said], ["ann", "bob"], path)
        by_person = self.get("/overview?span=all&by=person", "tess")[1]
        self.assertEqual([user for user in USERS if f">{user}</a>".encode() in by_person], ["ann", "bob"])
        noted = [json.loads(line) for line in audit.read_text().splitlines()]
        self.assertEqual(len(noted), asked + 3 * len(PEOPLE) + 3)

    def ways(self) -> Iterator[str]:
        """Yield every address: each route of the description and each page, with places of each person."""
        described = json.loads(self.get("/openapi.json", "lead")[1])
        places = [next(each for each in self.made if each["labels"]["user"] == user) for user in USERS]
        for path, operations in described["paths"].items():
            choices = [each["schema"].get("enum") for each in operations["get"]["parameters"]]
            yield from self.filled_in(path, places, [str(each) for one in choices for each in one or ()])
        one, other = (f"{each['session_id']}/{each['seq']}" for each in (places[0], places[2]))
        yield from (f"/api/diff?a={a}&b={b}" for a, b in product((one, other), repeat=2))
        for page in ("/", "/calls", "/sessions"):
            yield from (f"{page}{asked}" for asked in QUESTIONS)
        for by in ("project", "client", "account", "model", "upstream", "tool", "server", "kind", "agent", "day",
                   "person", "team", "host"):  # fmt: skip
            yield f"/overview?span=all&by={by}"
        yield from ("/leaks", "/prompts", "/health", "/spent", f"/diff?a={one}&b={other}", "/nowhere")
        for each in json.loads(self.get("/api/prompts", "lead")[1]):
            yield from (f"/api/prompts/{each['id']}", f"/prompts/{each['id']}")
        for each in places:
            sid, seq = each["session_id"], each["seq"]
            yield from (f"/s/{sid}", f"/s/{sid}?part=beside", f"/x/{sid}/{seq}", f"/diff/{sid}/{seq}/{seq}")
            yield from (f"/x/{sid}/{seq}?view={view}" for view in ("request", "response", "raw", "timing", "why"))
            yield f"/api/requests?session={sid}&totals=true"
            yield f"/api/requests?model={each['model']}&totals=true"

    def filled_in(self, path: str, places: list[dict[str, Any]], choices: list[str]) -> Iterator[str]:
        """Yield a path with each place put in, and each choice of its parameters."""
        if path == "/api/stream":  # it does not end; nothing is published there
            return
        for place in places if "{" in path else places[:1]:
            filled = path.replace("{sid}", place["session_id"]).replace("{seq}", str(place["seq"]))
            filled = filled.replace("{id}", f"system-{0:014x}")
            yield filled
            yield from (f"{filled}?format={each}&by={each}" for each in choices)
        if path == "/api/requests":
            yield from (f"{path}{asked}" for asked in QUESTIONS)
