"""Access to object stores: put if absent, replace if unchanged, read, list, delete; blocking.

Error messages contain nothing that a server quotes. A put is confirmed if the object has the size that was sent; on
S3 the server verifies a SHA-256 sent with it.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from ccsproxy.config.shipping import ShipAddress
from ccsproxy.ship.target import Unavailable

_T = TypeVar("_T")

#: How long the library itself retries a request; longer pauses are the pump's.
_RETRY = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
_CODE = re.compile(r"<Code>(\w{1,60})</Code>|[Ss]tatus(?: code)?:? (\d{3})")


class Exists(Exception):
    """An object with this name exists."""


class ObjectChanged(Exception):
    """An object is no longer the one that was read."""


class ObjectStore:
    """One bucket or directory, below a prefix.

    :param settings: credentials and settings, by obstore's names; others are read from its own variables (AWS_...).
    """

    def __init__(self, address: ShipAddress, settings: dict[str, str]) -> None:
        self._name = address.name
        self._folder = Path(address.path) if address.kind == "file" else None
        self._store = _open(address, settings)

    def create(self, path: str, content: bytes | Path) -> None:
        """Create an object.

        :raises Exists: if it exists.
        :raises Unavailable: if the store does not accept it.
        """
        self._put(path, content, "create")

    def replace(self, path: str, content: bytes | Path, tag: str | None) -> None:
        """Replace an object that was read.

        :param tag: its version tag when read; a directory has no such condition.
        :raises ObjectChanged: if it has changed meanwhile.
        :raises Unavailable: if the store does not accept it.
        """
        self._put(path, content, "overwrite" if tag is None or self._folder is not None else {"e_tag": tag})

    def read(self, path: str) -> tuple[bytes, str | None] | None:
        """Return an object's bytes and its version tag; null if it does not exist.

        :raises Unavailable: if the store does not answer.
        """

        def read() -> tuple[bytes, str | None]:
            found = obstore.get(self._store, path)
            return bytes(found.bytes()), found.meta["e_tag"]

        try:
            return self._asked(read)
        except FileNotFoundError:
            return None

    def read_end(self, path: str, most: int) -> tuple[int, bytes] | None:
        """Return the size of an object, and up to ``most`` of its last bytes; null if it does not exist.

        :raises Unavailable: if the store does not answer.
        """

        def read() -> tuple[int, bytes]:
            size = obstore.head(self._store, path)["size"]
            start = max(size - most, 0)
            return size, bytes(obstore.get_range(self._store, path, start=start, end=size)) if size else b""

        try:
            return self._asked(read)
        except FileNotFoundError:
            return None

    def delete(self, path: str) -> None:
        """Delete an object, if it exists.

        :raises Unavailable: if the store does not answer.
        """
        try:
            self._asked(lambda: obstore.delete(self._store, path))
        except FileNotFoundError:
            pass

    def paths(self, folder: str = "") -> Iterator[str]:
        """Yield the names of all objects, or of those in a directory.

        :raises Unavailable: if the store does not answer.
        """
        for each in self._listed(folder):
            yield str(each["path"])

    def tagged(self) -> Iterator[tuple[str, str | None]]:
        """Yield the names of all objects with their version tags.

        :raises Unavailable: if the store does not answer.
        """
        for each in self._listed(""):
            yield str(each["path"]), each["e_tag"]

    def _listed(self, folder: str) -> Iterator[Any]:
        listing = obstore.list(self._store, folder or None)
        while batch := self._asked(lambda: next(listing, None)):
            yield from batch

    def _put(self, path: str, content: bytes | Path, mode: Any) -> None:
        size = content.stat().st_size if isinstance(content, Path) else len(content)

        def put() -> None:
            obstore.put(self._store, path, content, mode=mode)
            there = obstore.head(self._store, path)["size"]
            if there != size:
                raise Unavailable(f"{self._name} has {there} bytes of {path}, {size} were sent")

        try:
            self._asked(put)
        except FileNotFoundError as error:
            raise Unavailable(f"{self._name} failed: {_reason(error)}; is it there?") from None
        if self._folder is not None:
            _sync(self._folder / path)

    def _asked(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except AlreadyExistsError:
            raise Exists from None
        except PreconditionError:
            raise ObjectChanged from None
        except FileNotFoundError:
            raise
        except (BaseError, OSError, NotImplementedError) as error:
            raise Unavailable(f"{self._name} failed: {_reason(error)}") from None


def _reason(error: BaseException) -> str:
    """Describe an error without repeating what a server, or the library, quotes."""
    found = _CODE.search(str(error))
    hint = f" {found[1] or found[2]}" if found else ""
    return f"{type(error).__name__}{hint}"


def _open(address: ShipAddress, settings: dict[str, str]) -> Any:
    if address.kind == "file":
        return LocalStore(address.path, mkdir=True)
    more: dict[str, Any] = dict(settings)
    if endpoint := address.options.get("endpoint"):
        more["endpoint"] = endpoint
        if endpoint.startswith("http://"):  # the address allows it only to loopback
            more["client_options"] = {"allow_http": True}
    prefix = address.path.lstrip("/") or None
    if address.kind == "s3":
        if region := address.options.get("region"):
            more["region"] = region
        more.setdefault("checksum_algorithm", "SHA256")
        return S3Store(address.host, prefix=prefix, retry_config=_RETRY, **more)
    kind = GCSStore if address.kind == "gs" else AzureStore
    return kind(address.host, prefix=prefix, retry_config=_RETRY, **more)


def _sync(path: Path) -> None:
    """Sync a file and its directory entry: the library renames it into place without that."""
    for each, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(each, flags | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
