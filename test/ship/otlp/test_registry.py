"""Our copy of the conventions' words against their own registry, where a checkout of it is at hand.

``CCSPROXY_GENAI_CONVENTIONS=FOLDER`` names a checkout of open-telemetry/semantic-conventions-genai; no package that
could be installed carries its YAML.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ccsproxy.ship.otlp import names
from test.ship.otlp.conventions import ATTRIBUTES, METRICS, OPERATIONS, PROVIDERS

#: Their types, as ours.
TYPES = {
    "string": str, "string[]": list, "int": int, "double": float, "boolean": bool, "any": "json",
}  # fmt: skip
#: Attributes of the core conventions, which are in a registry of their own.
CORE = ("error.", "server.", "http.", "url.", "service.", "host.", "session.", "user.")


class Registry:
    """What a folder of model files defines, in the format of 2026 (``definition/2``) and the one before.

    :ivar attributes: type by name.
    :ivar members: values of attributes that have a list of them.
    :ivar metrics: instrument and unit by name.
    """

    def __init__(self, folder: Path) -> None:
        self.attributes: dict[str, Any] = {}
        self.members: dict[str, set[str]] = {}
        self.metrics: dict[str, tuple[str, str]] = {}
        for path in sorted(folder.rglob("*.yaml")):
            read = yaml.safe_load(path.read_text("utf-8"))
            for part in (read, *read.get("groups", ())) if isinstance(read, dict) else ():
                for each in part.get("attributes", ()):
                    self._attribute(each)
                for each in _metrics(part):
                    self.metrics[each.get("name") or each["metric_name"]] = (each["instrument"], each["unit"])

    def _attribute(self, each: dict[str, Any]) -> None:
        name, kind = each.get("key") or each.get("id"), each.get("type")
        if name and isinstance(kind, dict):
            self.members[name] = {member["value"] for member in kind["members"]}
            self.attributes[name] = str
        elif name and kind:
            self.attributes[name] = TYPES.get(kind, kind)

    def differences(self) -> Iterator[str]:
        """Yield what of ours is not as they have it."""
        for name, kind in ATTRIBUTES.items():
            # The earlier name of cache writes is sent beside the new one, whichever of the two they have.
            if name.startswith(CORE) or name in (names.CACHE_WRITE, names.CACHE_WRITE_BEFORE):
                continue
            if self.attributes.get(name) is not kind and self.attributes.get(name) != kind:
                yield f"{name} is {self.attributes.get(name)}, not {kind}"
        if not {names.CACHE_WRITE, names.CACHE_WRITE_BEFORE} & self.attributes.keys():
            yield "cache writes have another name"
        for name, told in METRICS.items():
            if self.metrics.get(name) != told:
                yield f"{name} is {self.metrics.get(name)}, not {told}"
        for name, ours in ((names.OPERATION, OPERATIONS), (names.PROVIDER, PROVIDERS)):
            if strangers := ours - self.members.get(name, set()):
                yield f"{name} knows no {sorted(strangers)}"


def _metrics(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [part] if part.get("type") == "metric" else part.get("metrics", [])


SMALL = """
file_format: definition/2
attributes:
  - key: gen_ai.operation.name
    type: {members: [{id: chat, value: chat}]}
  - key: gen_ai.request.seed
    type: int
  - key: gen_ai.request.top_k
    type: int
metrics:
  - {name: gen_ai.client.inference.duration, instrument: histogram, unit: s}
"""
BEFORE = """
groups:
  - id: registry.gen_ai
    type: attribute_group
    attributes: [{id: gen_ai.request.stream, type: boolean}, {ref: error.type}]
  - {id: m, type: metric, metric_name: gen_ai.client.token.usage, instrument: histogram, unit: "{token}"}
"""


class RegistryTests(SynchronousTestCase):
    """The reader, and what it finds."""

    def test_reader(self) -> None:
        """Both formats are read, and what differs is told."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.yaml").write_text(SMALL)
        (folder / "b.yaml").write_text(BEFORE)
        found = Registry(folder)
        self.assertEqual(found.attributes["gen_ai.request.stream"], bool)
        self.assertEqual(found.metrics["gen_ai.client.token.usage"], ("histogram", "{token}"))
        told = "\n".join(found.differences())
        self.assertNotIn("gen_ai.request.seed", told)
        self.assertNotIn("gen_ai.client.inference.duration", told)
        self.assertIn("gen_ai.operation.name knows no ['embeddings'", told)
        self.assertIn("gen_ai.response.id is None", told)

    def test_theirs(self) -> None:
        """Every name that we emit is theirs, with its type; metrics with instrument and unit."""
        folder = os.environ.get("CCSPROXY_GENAI_CONVENTIONS")
        if not folder:
            raise SkipTest("CCSPROXY_GENAI_CONVENTIONS names no checkout of their repository")
        self.assertEqual(list(Registry(Path(folder) / "model").differences()), [])
