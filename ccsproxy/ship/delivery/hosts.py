"""Under which labels of machines records were shipped from a data dir: a removal has to reach all of them.

The label is the machine's name where nobody sets it, which changes on laptops; imported records bring their own.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from ccsproxy.store.state.shipments import Shipments
from ccsproxy.store.state.state import State


class ShippedHosts:
    """The labels of one data dir. Synchronous; may be used from several threads.

    Invariant: a label is durable before a record goes under it.

    :param own: the label of this machine.
    """

    def __init__(self, data_dir: Path, own: str) -> None:
        self._data_dir, self._own = data_dir, own
        self._noted: set[str] = set()

    def note(self, hosts: Iterable[str] = ()) -> None:
        """Note the labels of records that are about to be sent, and this machine's.

        :raises StateError: when they cannot be kept.
        """
        new = {self._own, *hosts} - self._noted
        if new:
            self._with(lambda shipments: shipments.add_hosts(new))
            self._noted |= new

    def every(self) -> list[str]:
        """Return all labels, this machine's among them.

        :raises StateError: when they cannot be read.
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
