"""Members of Chat Completions deltas that are not OpenAI's: each is kept once, not accumulated."""

from typing import Any

from ccsproxy.dialects.growing import GrowingStrings

#: LiteLLM's pieces of Anthropic's thoughts.
_THOUGHTS = "thinking_blocks"
#: Members with a known meaning: Groq's tools and gpt-oss's channel, IBM's and vLLM's token ids, Writer's graphs,
#: Mistral's and Gemini's own.
VENDOR_MEMBERS = frozenset(
    {
        *("executed_tools", "channel", "token_id", "token_ids", "index", "graph_data", "llm_data", "web_search_data"),
        *("image_data", "translation_data", "mcp_list_tools", "prefix", "extra_content", "provider_specific_fields"),
        *("citations", "search_results", "provider_metadata", "providerMetadata", "reasoning_signature", "signature"),
        *("encrypted_content", "phase", "tool_call_id", "parsed", "mm_embedding_handle", "stop_reason", "weight"),
        _THOUGHTS,
    }
)
#: Those that are content by themselves.
VENDOR_CONTENT = frozenset({"executed_tools", "image_data", _THOUGHTS})
#: Texts that are a state, not a piece of anything: the last one counts.
_STATES = frozenset({"channel", "phase", "stop_reason", "tool_call_id", "signature", "reasoning_signature"})


class Extras:
    """Collects vendor-specific members of one choice's deltas.

    Of numbers and states the last one is kept. Objects are merged member by member. Lists are extended: numbers
    always, other entries if they are new, those with an ``index`` by that. Texts are joined as pieces, unless every
    delta repeats the same text.
    """

    def __init__(self, message: dict[str, Any], strings: GrowingStrings) -> None:
        self._message = message
        self._strings = strings
        self._repeated: dict[str, str] = {}
        self._seen: set[tuple[str, str]] = set()
        self._indexed: dict[tuple[str, int], dict[str, Any]] = {}

    def add(self, key: str, value: Any) -> None:
        """Take a member of a delta that is not null."""
        known = self._message.get(key)
        if isinstance(value, str) and key not in _STATES:
            self._text(key, value)
        elif key == _THOUGHTS and isinstance(value, list):
            if not isinstance(known, list):
                known = self._message[key] = []
            self._think(known, value)
        elif isinstance(value, list) and isinstance(known, list):
            self._extend(key, known, value)
        elif isinstance(value, dict) and isinstance(known, dict):
            known.update(value)
        elif isinstance(value, list):
            self._message[key] = []
            self._extend(key, self._message[key], value)
        else:
            self._message[key] = value

    def _text(self, key: str, value: str) -> None:
        repeated = self._repeated.get(key)
        if key not in self._message or not isinstance(self._message[key], str):
            self._message[key] = ""
            self._repeated[key] = value
        # The first different text proves that they are pieces; until then it may be one text, repeated.
        elif repeated is not None and repeated != value:
            del self._repeated[key]
        self._strings.append(self._message, key, value)

    def _extend(self, key: str, known: list[Any], values: list[Any]) -> None:
        for value in values:
            index = value.get("index") if isinstance(value, dict) else None
            if isinstance(index, int):
                entry = self._indexed.get((key, index))
                if entry is None:
                    self._indexed[key, index] = value
                    known.append(value)
                else:
                    entry.update({name: part for name, part in value.items() if part is not None})
            elif isinstance(value, (int, float)) or (mark := (key, repr(value))) not in self._seen:
                if not isinstance(value, (int, float)):
                    self._seen.add(mark)
                known.append(value)

    def _think(self, blocks: list[Any], pieces: list[Any]) -> None:
        """Join the pieces of a thought, which its signature ends; anything else is a block by itself."""
        for piece in pieces:
            last = blocks[-1] if blocks else None
            text = piece.get("thinking") if isinstance(piece, dict) else None
            if isinstance(text, str) and isinstance(last, dict) and "thinking" in last and not last.get("signature"):
                self._strings.append(last, "thinking", text)
                last.update({name: part for name, part in piece.items() if name != "thinking" and part})
            else:
                blocks.append(piece)

    def settle(self) -> None:
        """Write texts that every delta repeated once; called before the strings are settled."""
        for key, value in self._repeated.items():
            self._strings.assign(self._message, key, value)
