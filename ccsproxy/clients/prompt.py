"""What a call asks, in readable form: the user's new words, or the tool results since the last response."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attr

from ccsproxy.clients.call import OBJECT, embedded
from ccsproxy.clients.own_words import bare_result, files_after, is_prompting, one_line, own_words, text_result

_LISTS = ("messages", "input", "contents")
_ASSISTANT = frozenset({"assistant", "model", "CHATBOT", "chatbot"})
_RESULT_ROLES = frozenset({"tool", "function", "TOOL"})
#: Items of the Responses API that the model wrote.
_WRITTEN = re.compile(r"(?:_call|\Areasoning|\Acompaction|\Acontext_compaction|\Aitem_reference|\Amcp_list_tools)\Z")
#: Members of a result object that may contain its text.
_RESULT_MEMBERS = ("output", "content", "result", "text", "stdout", "error", "response")

#: Longer lists within strings are not parsed for the sake of a line.
_LONGEST_LIST = 20_000
#: Members by which an image or a file is recognised among the parts of a result: it has no readable text.
_MEDIA_MEMBERS = (
    *("source", "image_url", "input_audio", "file_id", "file_data"),
    *("inlineData", "inline_data", "fileData"),
)


@attr.frozen
class NewTexts:
    """What is new since the model last responded.

    :ivar prompt: the user's own words, empty if there are none.
    :ivar result: the results of tools, empty if none was called.
    """

    prompt: str = ""
    result: str = ""


def conversation_of(body: Mapping[str, Any]) -> Any:
    """Return the conversation of a request in any dialect: a list of items, a string, or None."""
    # Code Assist wraps Gemini's request, while another dialect may use a member of that name for something else.
    inner = body.get("request")
    if isinstance(inner, OBJECT) and any(name in inner for name in _LISTS):
        body = inner
    found = next((body[name] for name in _LISTS if name in body), None)
    return found if found is not None else body.get("prompt", body.get("message"))


def is_models(item: Any) -> bool:
    """Tell whether an item of a conversation was written by the model."""
    if not isinstance(item, OBJECT):
        return False
    what = item.get("type")
    return item.get("role") in _ASSISTANT or (isinstance(what, str) and _WRITTEN.search(what) is not None)


def new_texts(conversation: Any) -> NewTexts:
    """Return what the end of a conversation asks: everything after the model's last words.

    :param conversation: see `conversation_of`; the end of a long one is enough.
    """
    if isinstance(conversation, str):
        return NewTexts(one_line(own_words(conversation)))
    prompts, results = [], []
    for item in _new(conversation if isinstance(conversation, list) else []):
        announced = False  # the last text only announced that a tool result follows
        for kind, text in _users_part(_said(item, "prompt")):
            result = text if kind == "result" else text_result(text)
            if result is None and announced:
                result = own_words(text)
            announced = result == "" and not announced
            if result:
                results.append(result)
            elif result is None and (words := own_words(text)):
                prompts.append(words)
    # Agents put their own texts before the user's words, so the last text counts; results are all relevant.
    return NewTexts(one_line(prompts[-1]) if prompts else "", one_line(" ".join(results)))


def words_of(item: Any) -> list[str]:
    """Return the user's own words in an item of a conversation, without agents' reminders and tool results."""
    said = _users_part(_said(item, "prompt"))
    texts = [text for kind, text in said if kind == "prompt" and text_result(text) is None]
    return [words for text in texts if (words := own_words(text))]


def _users_part(said: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out what an agent put into a message for the user's words: files and what announces them, and the prompt
    that a command stands for.
    """
    skipped = 0
    for kind, text in said:
        following = files_after(text) if kind == "prompt" else 0
        if kind == "result" or not (skipped or following):
            yield kind, text
        skipped = following or max(skipped - 1, 0) or int(kind == "prompt" and is_prompting(text))


def texts_of(item: Any) -> Iterator[str]:
    """Yield the texts of an item of a conversation, including tool results."""
    for _, text in _said(item, "prompt"):
        yield text


def _new(items: Sequence[Any]) -> Sequence[Any]:
    """Return the items after the last one written by the model."""
    last = next((at for at in range(len(items) - 1, -1, -1) if is_models(items[at])), -1)
    return items[last + 1 :]


def _said(item: Any, kind: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the texts of an item, each as ``prompt`` or as ``result``."""
    if isinstance(item, str):
        yield kind, item
    elif isinstance(item, list) and depth < 6:
        for each in item:
            yield from _said(each, kind, depth + 1)
    elif isinstance(item, OBJECT) and depth < 6:
        yield from _said_by(item, kind, depth)


def _said_by(item: Mapping[str, Any], kind: str, depth: int) -> Iterator[tuple[str, str]]:
    what, role = item.get("type"), item.get("role")
    # Agents put reminders with this role after the user's words, where they would pass for the user's last words.
    if role in ("system", "developer", "SYSTEM"):
        return
    if role in _RESULT_ROLES or (isinstance(what, str) and what.endswith(("_result", "_call_output", "_response"))):
        yield from _result(item)
        return
    # Gemini and Bedrock mark a result by the member that contains it, not by a type.
    for name in ("functionResponse", "function_response", "toolResult"):
        if name in item and isinstance(item[name], OBJECT):
            yield from _result(item[name])
    for name in ("text", "content", "parts", "message"):
        if name in item:
            yield from _said(item[name], kind, depth + 1)


def _result(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the texts of a tool result."""
    for name in _RESULT_MEMBERS:
        if name in item:
            for text in _result_texts(item[name], 0):
                yield "result", text
            return


def _result_texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        # Codex and others put a result's text together with its exit code into JSON within the string.
        inner = embedded(value)
        known = [name for name in _RESULT_MEMBERS if isinstance(inner.get(name), str)]
        yield inner[known[0]] if known else _of_list(value) or bare_result(value)
    elif isinstance(value, list) and depth < 4:
        for each in value:
            yield from _result_texts(each, depth + 1)
    elif isinstance(value, OBJECT) and depth < 4:
        known = [name for name in _RESULT_MEMBERS if name in value]
        if not known and any(name in value for name in _MEDIA_MEMBERS):
            return
        # Gemini's results are objects defined by the tool: their text may be under any name.
        for each in [value[known[0]]] if known else [value[name] for name in value if name != "type"]:
            yield from _result_texts(each, depth + 1)


def _of_list(text: str) -> str:
    """Return the results in a list of objects within a string, as Cline writes them; empty if there are none."""
    if len(text) > _LONGEST_LIST or not text.startswith("[{"):
        return ""
    items = embedded(f'{{"items":{text}}}').get("items")
    found = (item.get("result") for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
    return " ".join(result for result in found if isinstance(result, str))
