"""All relay processes of a service, as the main process knows them: its own, live workers, and dead ones."""

import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attr

from ccsproxy.capture import frames, journal
from ccsproxy.capture.frames import Attached
from ccsproxy.capture.relay.files import RelayFiles
from ccsproxy.capture.shared_log import ACCEPTED, BEHIND_SINCE, SPILLED, STORED, WORKING, SharedLog
from ccsproxy.runtime.children.line_socket import LineSocket

#: The ending of an exchange whose relay process has died, by whether it was a worker.
DIED = {
    False: ("relay_died", "The proxy died before the exchange had ended."),
    True: ("worker_died", "The relay process of this exchange died."),
}

Link = Callable[[socket.socket], None]


@attr.define(eq=False)
class KnownRelay:
    """One relay process as seen by the main process.

    :ivar link: passes it its end of a link to the recorder; None once it has died.
    :ivar announced: how many exchanges its log contains, known once the recorder has processed it.
    """

    files: RelayFiles
    shared: SharedLog
    link: Link | None
    announced: int | None = None

    @property
    def counts(self) -> tuple[int, int, Counter[str]]:
        """How many exchanges were accepted, stored and dropped."""
        words = self.shared.words
        return words[ACCEPTED], words[STORED], self.shared.dropped()

    @property
    def in_flight(self) -> int:
        """How many exchanges are neither stored nor dropped."""
        accepted, stored, dropped = self.counts
        return accepted - stored - dropped.total()


class Relays:
    """Creates the files of each relay, attaches them to recorders, and adds up their counters.

    Invariant: ``accepted = stored + dropped + in flight``, over all relays that live, have died, or have departed
    (died, with everything in their logs settled).
    """

    def __init__(self, data_dir: Path, run: str) -> None:
        """Start without any relays.

        :param run: the session of this run.
        """
        self._data_dir, self._run = data_dir, run
        self._known: dict[int, KnownRelay] = {}
        self._count = 0
        self._accepted = self._stored = 0
        self._dropped: Counter[str] = Counter()

    def add(self, link: Link) -> KnownRelay:
        """Create the files of a relay process that is about to be started.

        :raises OSError: if there is no memory.
        """
        self._count += 1
        files = RelayFiles.make(self._data_dir, self._run, self._count)
        known = self._known[self._count] = KnownRelay(files, SharedLog(files.log), link)
        return known

    def attach(self, recorder: LineSocket, known: KnownRelay, skip: list[int]) -> None:
        """Attach a relay's log to a recorder, and link the two if the relay lives.

        :param skip: exchanges that the recorder must not process.
        """
        files = known.files
        descriptors = [each for each in (files.log, files.journal, files.spill) if each is not None]
        ours, theirs = socket.socketpair()
        attached = Attached(
            files.relay,
            known.link is not None,
            files.spill is not None,
            [str(path) for path in files.paths],
            DIED[files.relay > 1],
            skip,
        )
        linked = [theirs.fileno()] if known.link is not None else []
        recorder.send(frames.message(frames.ATTACH, attached), [*descriptors, *linked])
        # The descriptor is on its way to the recorder: our copy would keep the link open after the recorder's death.
        theirs.close()
        if known.link is not None:
            known.link(ours)
        else:
            ours.close()

    def attach_all(self, recorder: LineSocket, skip_suspects: bool) -> None:
        """Attach every log to a new recorder.

        :param skip_suspects: whether to skip what the last recorder died of, so that the new one does not die of it
        too.
        """
        skip = self._to_skip() if skip_suspects else {}
        for known in list(self._known.values()):
            # What the dead recorder was processing has been read by now; if left, it would count against the next
            # one.
            known.shared.words[WORKING] = 0
            self.attach(recorder, known, skip.get(known.files.relay, []))

    def died(self, known: KnownRelay) -> None:
        """Note that a relay process has ended."""
        known.link = None
        self._depart(known)

    def departed(self, relay: int, announced: int) -> None:
        """Note that the recorder has processed everything in a relay's log."""
        if (known := self._known.get(relay)) is not None:
            known.announced = announced
            self._depart(known)

    def close(self, reason: str) -> int:
        """Close all files, and count what is in flight as dropped.

        Journals are removed if everything in them is settled; the others inform the next start.

        :return: how many exchanges were in flight.
        """
        lost = 0
        for known in list(self._known.values()):
            in_flight = known.in_flight
            if not in_flight:
                known.files.remove_journals()
            lost += in_flight
            self._add_to_totals(known, known.counts[1])
        self._dropped[reason] += lost
        return lost

    # -- counters ------------------------------------------------------------------------------------------------

    @property
    def counts(self) -> tuple[int, int, Counter[str]]:
        """How many exchanges were accepted, stored and dropped."""
        accepted, stored, dropped = self._accepted, self._stored, Counter(self._dropped)
        for known in self._known.values():
            counts = known.counts
            accepted, stored, dropped = accepted + counts[0], stored + counts[1], dropped + counts[2]
        return accepted, stored, dropped

    @property
    def outstanding(self) -> int:
        """How many exchanges have no record yet, and are not given up."""
        accepted, stored, dropped = self.counts
        return accepted - stored - dropped.total()

    @property
    def behind(self) -> float:
        """How many seconds the oldest ended exchange has been waiting for its record."""
        since = [began for known in self._known.values() if (began := known.shared.words[BEHIND_SINCE])]
        return max(0.0, time.monotonic() - min(since) / 1e9) if since else 0.0

    @property
    def held(self) -> tuple[int, int, int]:
        """How many bytes are held in memory, are in spill files, and were ever spilled."""
        held = [(*known.shared.held(), known.shared.words[SPILLED]) for known in self._known.values()]
        memory, files, spilled = (sum(column) for column in zip(*held, strict=True)) if held else (0, 0, 0)
        return memory, files, spilled

    def _depart(self, known: KnownRelay) -> None:
        """Add a dead relay to the totals once everything is settled: what was not dropped is stored."""
        if known.link is not None or known.announced is None:
            return
        dropped = known.counts[2].total()
        # A relay that was killed may have written a head without counting it: the log then has one more than the
        # counter.
        announced = max(known.counts[0], known.announced)
        self._accepted += announced - known.counts[0]
        known.files.remove_journals()
        self._add_to_totals(known, announced - dropped)

    def _add_to_totals(self, known: KnownRelay, stored: int) -> None:
        """Add a relay to the totals, and close its files."""
        accepted, _, dropped = known.counts
        self._accepted, self._stored = self._accepted + accepted, self._stored + stored
        self._dropped += dropped
        del self._known[known.files.relay]
        known.shared.close()
        known.files.close()

    def suspects(self) -> dict[int, int]:
        """Return the exchanges that the recorder was processing when it died, by relay."""
        working = {relay: known.shared.words[WORKING] for relay, known in self._known.items()}
        return {relay: number for relay, number in working.items() if number}

    def _to_skip(self) -> dict[int, list[int]]:
        """Return what a new recorder should skip: the suspects, or everything in flight if there are none."""
        suspects = {relay: [number] for relay, number in self.suspects().items()}
        return suspects or {
            relay: [each.number for each in journal.read(known.files.journal)] for relay, known in self._known.items()
        }
