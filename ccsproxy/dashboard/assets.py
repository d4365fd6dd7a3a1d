"""The static files of pages, style sheet and scripts, under an address that changes with their content."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

import attr

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
#: Seconds that a file may be kept: it never changes under its address.
FOR_EVER = 31_536_000


@attr.frozen
class Asset:
    """A static file of the dashboard with its type and address."""

    content: bytes
    media_type: str


@attr.frozen
class Assets:
    """All files, named by one hash over all of them, so that scripts can import one another by relative names."""

    version: str
    found: Mapping[str, Asset]

    def address(self, name: str) -> str:
        """Return the address of a file.

        :raises KeyError: if there is no such file.
        """
        self.found[name]
        return f"/static/{self.version}/{name}"


def load_assets() -> Assets:
    """Read the static files of the package."""
    found: dict[str, Asset] = {}
    for each in sorted(files(__package__).joinpath("static").iterdir(), key=lambda file: file.name):
        suffix = each.name.rpartition(".")[2]
        if suffix in TYPES:
            found[each.name] = Asset(each.read_bytes(), TYPES[suffix])
    whole = hashlib.sha256()
    for name, asset in found.items():
        whole.update(name.encode() + b"\0" + asset.content)
    return Assets(whole.hexdigest()[:16], found)
