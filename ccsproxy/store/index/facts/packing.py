"""Compresses small, similar values such as facts: zstd with a dictionary of their common parts."""

import threading

import zstandard

#: The common parts of values. They belong to the index's format: a change needs a new `schema.VERSION`.
_WORDS = """
session_id seq id started_ms duration_ms ttft_ms answering_ms max_gap_ms overhead_us stalls upstream anthropic
openai gemini dialect openai-responses openai-chat category model outcome complete http_error
client_disconnected upstream_truncated status stop_reason end_turn tool_use max_tokens error partial
answered_by claude-opus-4-5 claude-sonnet-4-5 claude-haiku-4-5 gpt-5.2-codex gemini-3-pro client claude-code
codex version agent parent_agent thread agent_type cwd /home/ account path /v1/messages?beta=true
/v1/responses /v1/chat/completions request_bytes response_bytes body_sha256 tokens rates cost settings
max_tokens temperature thinking effort stream breakpoints known continues answer text thinking tool_call
tool_result image document prompt prompt_digest prompt_at prompt_id opening_digest role main user assistant
system tools messages compacted retry_after_s tool_ms toolu_ call_ limits diagnosis asked_diagnosis secrets
outbound redactions dropped_bytes Bash Read Edit Write Grep Glob Task WebFetch TodoWrite command file_path
description old_string new_string pattern
"""


def _dictionary() -> bytes:
    """Write the words as msgpack writes short strings, each behind its length."""
    return b"".join(bytes([0xA0 | min(len(word), 31)]) + word.encode() for word in _WORDS.split())


_LEVEL = 3
_common = zstandard.ZstdCompressionDict(_dictionary(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_common.precompute_compress(level=_LEVEL)  # else the dictionary would be digested for each value
_local = threading.local()  # zstandard's objects may not be used by two threads at once


def packed(data: bytes) -> bytes:
    """Return bytes in less space."""
    side = getattr(_local, "packing", None)
    if side is None:
        side = _local.packing = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_common, write_dict_id=False)
    return bytes(side.compress(data))


def unpacked(data: bytes) -> bytes:
    """Return bytes that were packed.

    :raises zstandard.ZstdError: when they are damaged.
    """
    side = getattr(_local, "unpacking", None)
    if side is None:
        side = _local.unpacking = zstandard.ZstdDecompressor(dict_data=_common)
    return bytes(side.decompress(data))
