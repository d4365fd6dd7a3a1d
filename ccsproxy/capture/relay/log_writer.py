"""Writes frames to the shared log: where they go, how long a region is kept, and when regions are spilled.

A region is kept until every exchange with a frame in it is settled, so a new recorder finds everything that its
predecessor had taken but not stored. Regions beyond a memory limit go to the spill file, first those that the
recorder has already taken. When the file accepts no more, regions that the recorder has taken are discarded (if it
dies now, their content is lost and counted), then bodies are refused, then whole exchanges; the last free space is
reserved for the ends of exchanges that have begun.
"""

import heapq
import mmap
from typing import Protocol

from twisted.python.failure import Failure

from ccsproxy.capture.frames import FRAME_HEAD
from ccsproxy.capture.relay.spill import Spill
from ccsproxy.capture.shared_log import ENTRIES, IN_FILE, REGION, SLOTS, SPILLED, USED, SharedLog

#: How many regions are reserved for heads and ends, and how many of these for ends only.
FOR_HEADS, FOR_ENDS = 16, 8
#: How many regions are written to the file at once; otherwise a disk that hangs would hold all of them.
MOVING = 32
#: A body is not split to fill less room than this, in bytes.
SPLIT_FROM = 4096

_pack_into = FRAME_HEAD.pack_into
_HEAD_SIZE = FRAME_HEAD.size


class Region:
    """One region as the relay knows it.

    :ivar slot: its place in memory, which it owns until the region is in the file or free.
    :ivar file_slot: its place in the file, None while it is in memory.
    :ivar holders: by number, the unsettled exchanges that have a frame in it.
    :ivar closed: nothing more is written to it.
    :ivar moving: it is being written to the file.
    :ivar gone: it is no longer needed.
    """

    __slots__ = ("closed", "entry", "file_slot", "gone", "holders", "moving", "seq", "slot")

    def __init__(self, entry: int, seq: int, slot: int) -> None:
        self.entry, self.seq, self.slot = entry, seq, slot
        self.file_slot: int | None = None
        self.holders: dict[int, Holder] = {}
        self.closed = self.moving = self.gone = False


class Holder(Protocol):
    """An exchange, which holds the regions that contain its frames.

    :ivar number: the exchange's number.
    :ivar regions: the regions it holds, in order.
    """

    number: int
    regions: list[Region]

    def region_discarded(self, region: Region) -> None:
        """Called when a region is no longer kept for this exchange."""


class LogWriter:
    """Appends frames to the regions of one log.

    Invariants: one region is open, all others are closed; a memory slot is free, or belongs to a region in memory, or
    is being moved; ``taken`` never runs ahead of what the recorder has taken.

    :ivar taken: the recorder has taken all regions up to this number.
    """

    def __init__(self, shared: SharedLog, spill: Spill, memory: int = 8 << 20, most: int = SLOTS * REGION) -> None:
        """Start writing to an empty log.

        :param memory: bytes held in memory before regions are spilled.
        :param most: maximum bytes held in memory while the file accepts nothing.
        """
        self._shared, self._spill = shared, spill
        self._map, self._lengths = shared.memory, shared.length
        self._soft = memory // REGION
        self._free_slots = list(range(min(SLOTS, most // REGION)))
        self._free_entries = list(range(ENTRIES))
        self._closed: dict[int, Region] = {}
        self._moving = self._seq = self._touched = 0
        self.taken = 0
        self._region = Region(0, 0, 0)
        self._base = self._at = self._end = 0
        self._open_next()

    # -- writing -------------------------------------------------------------------------------------------------

    @property
    def position(self) -> tuple[int, int]:
        """The number of the open region, and how many bytes of it are written."""
        return self._region.seq, self._at - self._base

    @property
    def full(self) -> bool:
        """Whether there is no room even for heads, so that whole exchanges have to be dropped."""
        return len(self._free_slots) <= FOR_ENDS

    def put(self, holder: Holder, kind: int, number: int, at: int, payload: bytes) -> bool:
        """Append a frame that must not be split.

        :param at: microseconds since the exchange began.
        :return: False if there is no room at all.
        :raises ValueError: if it is longer than a region.
        """
        start = self._at
        end = start + _HEAD_SIZE + len(payload)
        if end > self._end:
            if end - start > REGION:
                raise ValueError(f"a frame of {end - start} bytes is longer than a region")
            if not self._open_next():
                return False
            start = self._at
            end = start + _HEAD_SIZE + len(payload)
        self._write(holder, kind, number, at, payload, start, end)
        return True

    def put_body(self, holder: Holder, kind: int, number: int, at: int, data: bytes) -> bool:
        """Append a piece of a body.

        :return: False if there is no room for all of it; what fits is written.
        """
        start = self._at
        end = start + _HEAD_SIZE + len(data)
        if end > self._end:
            return self._put_split(holder, kind, number, at, memoryview(data))
        self._write(holder, kind, number, at, data, start, end)
        return True

    def _put_split(self, holder: Holder, kind: int, number: int, at: int, rest: memoryview) -> bool:
        """Append a piece in as many frames as necessary."""
        while rest:
            if self._end - self._at < min(SPLIT_FROM, _HEAD_SIZE + len(rest)) and not self._open_next(FOR_HEADS):
                return False
            start = self._at
            size = min(len(rest), self._end - start - _HEAD_SIZE)
            self._write(holder, kind, number, at, rest[:size], start, start + _HEAD_SIZE + size)
            rest = rest[size:]
        return True

    def _write(
        self, holder: Holder, kind: int, number: int, at: int, data: bytes | memoryview, start: int, end: int
    ) -> None:
        _pack_into(self._map, start, kind, end - start - _HEAD_SIZE, number, at)
        self._map[start + _HEAD_SIZE : end] = data
        self._at = end
        region = self._region
        # Last, in a single store: the recorder reads up to this length, and so never sees half a frame.
        self._lengths[region.entry] = end - self._base
        held = holder.regions
        # It is enough to check the last one: regions are opened one after the other, and never reopened.
        if not held or held[-1] is not region:
            held.append(region)
            region.holders[number] = holder

    # -- keeping regions -----------------------------------------------------------------------------------------

    def release(self, holder: Holder) -> None:
        """Release the regions that an exchange holds, because it is settled."""
        for region in holder.regions:
            region.holders.pop(holder.number, None)
            if not region.holders and region.closed:
                self._free(region)
        holder.regions = []

    def _open_next(self, reserve: int = 0) -> bool:
        """Close the open region and open another one.

        :param reserve: how many slots have to stay free.
        """
        # Before room runs out, so that what is kept only for a new recorder goes before new data is refused.
        if len(self._free_slots) <= max(reserve, FOR_HEADS):
            self._discard_taken()
        if len(self._free_slots) <= reserve or not self._free_entries:
            return False
        closed = self._region if self._seq else None
        self._seq += 1
        slot, entry = heapq.heappop(self._free_slots), heapq.heappop(self._free_entries)
        self._region = Region(entry, self._seq, slot)
        self._base = self._at = self._shared.base(slot)
        self._end = self._base + REGION
        shared = self._shared
        # Place and length before the number that makes the entry valid, see the invariants of the shared log.
        shared.place[entry], shared.length[entry] = slot, 0
        shared.words[USED] = max(shared.words[USED], entry + 1)
        shared.seq[entry] = self._seq
        if closed is not None:
            self._close(closed)
        return True

    def _close(self, region: Region) -> None:
        region.closed = True
        if region.holders:
            self._closed[region.seq] = region
            self._spill_excess()
        else:
            self._free(region)

    def _discard_taken(self) -> None:
        """Discard the oldest region in memory if the recorder has taken it: it is needed only if the recorder
        dies.
        """
        oldest = next((each for each in self._closed.values() if not each.moving), None)
        if oldest is not None and oldest.seq <= self.taken:
            for holder in list(oldest.holders.values()):
                holder.region_discarded(oldest)
            self._free(oldest)

    def _free(self, region: Region) -> None:
        """Free a region that nobody needs; a slot that the disk is still reading is freed later."""
        region.gone = True
        self._closed.pop(region.seq, None)
        # First: from here on the recorder discards anything it copies of this region, before its slot is reused.
        self._shared.seq[region.entry] = 0
        heapq.heappush(self._free_entries, region.entry)
        if region.file_slot is not None:
            self._spill.free(region.file_slot)
        elif not region.moving:
            self._free_slot(region.slot)

    def _free_slot(self, slot: int) -> None:
        heapq.heappush(self._free_slots, slot)
        self._touched = max(self._touched, slot + 1)
        if not self._closed and self._touched > self._soft:
            self._return_pages()

    def _return_pages(self) -> None:
        """Return pages to the system that only a backlog needed, once it is over: touching a new page costs as much
        as 10 copies.
        """
        base = self._shared.base(self._soft)
        in_use = self._region.slot
        if hasattr(mmap, "MADV_REMOVE") and in_use < self._soft:
            self._map.madvise(mmap.MADV_REMOVE, base, self._shared.base(self._touched) - base)
            self._touched = self._soft

    # -- spilling ------------------------------------------------------------------------------------------------

    def _spill_excess(self) -> None:
        """Spill regions while there are too many in memory."""
        while len(self._closed) - self._moving >= self._soft and self._moving < MOVING and self._spill.accepts:
            region = self._next_to_spill()
            if region is None:
                return
            self._move(region)

    def _next_to_spill(self) -> Region | None:
        """Choose the oldest region if the recorder has taken it, else the one it will reach last."""
        oldest = next((each for each in self._closed.values() if not each.moving), None)
        if oldest is None or oldest.seq <= self.taken:
            return oldest
        # The recorder reads from the front: what it needs soonest stays in memory, and need not be read back from
        # disk.
        return next(each for each in reversed(self._closed.values()) if not each.moving)

    def _move(self, region: Region) -> None:
        region.moving = True
        self._moving += 1
        base = self._shared.base(region.slot)
        data = memoryview(self._map)[base : base + self._lengths[region.entry]]
        moving = self._spill.write(data)
        moving.addCallbacks(self._moved, self._not_moved, callbackArgs=(region,), errbackArgs=(region,))

    def _moved(self, where: tuple[int, bytes], region: Region) -> None:
        """Update the entry, then free the memory; the recorder checks the entry before and after it reads."""
        file_slot, nonce = where
        self._moving -= 1
        region.moving = False
        self._closed.pop(region.seq, None)
        if region.gone:
            self._spill.free(file_slot)
        else:
            self._shared.words[SPILLED] = self._spill.total
            region.file_slot = file_slot
            self._shared.set_nonce(region.entry, nonce)
            self._shared.place[region.entry] = IN_FILE + file_slot
        self._free_slot(region.slot)
        self._spill_excess()

    def _not_moved(self, failure: Failure, region: Region) -> None:
        self._moving -= 1
        region.moving = False
        if region.gone:
            self._free_slot(region.slot)
