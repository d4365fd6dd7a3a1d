"""The machine labels under which records were shipped from a data directory: a removal must reach all of them.

The label defaults to the machine's name, which changes on laptops; imported records have their own.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from ccsproxy.store.state.shipments import Shipments
from ccsproxy.store.state.state import State


class ShippedHosts:
    """The labels of one data directory. Synchronous; may be used from several threads.

    Invariant: a label is stored durably before a record is sent under it.

    :param own: the label of this machine.
    """

    def __init__(self, data_dir: Path, own: str) -> None:
        self._data_dir, self._own = data_dir, own
        self._noted: set[str] = set()

    def note(self, hosts: Iterable[str] = ()) -> None:
        """Store the labels of records that are about to be sent, and this machine's.

        :raises StateError: if they cannot be stored.
        """
        new = {self._own, *hosts} - self._noted
        if new:
            self._with(lambda shipments: shipments.add_hosts(new))
            self._noted |= new

    def every(self) -> list[str]:
        """Return all labels, including this machine's.

        :raises StateError: if they cannot be read.
        """
        found: set[str] = set()
        self._with(lambda shipments: found.update(shipments.hosts()))
        return sorted(found | {self._own})

    def _with(self, work: Callable[[Shipments], object]) -> None:
        state = State(self._data_dir)
        try:
            work(Shipments(state))
        finally:
            state.close()
