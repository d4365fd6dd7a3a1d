"""A model's response in readable form for lists: its text, or the requested title."""

import re
from collections.abc import Iterator
from typing import Any

from ccsproxy.clients.call import OBJECT, embedded
from ccsproxy.clients.own_words import one_line

#: Parts of a response that are not text for the user: thoughts, calls, results of the provider's own tools.
_NOT_WORDS = re.compile(r"thinking|reasoning|_call\Z|tool_use\Z|_result\Z|_call_output\Z|refusal_details")
_ANSWERS = ("content", "output", "choices", "candidates", "message", "response", "outputs", "completion", "steps")
#: Minimum number of words in a title; languages without spaces need as many letters.
_FEWEST_WORDS, _FEWEST_LETTERS = 2, 4
#: A longer text is not a title but a response to the prompt.
_LONGEST_TITLE = 120


def answer_line(answer: Any) -> str:
    """Return the beginning of a response's text as one line, empty if it has none.

    :param answer: the reassembled response, in any dialect.
    """
    return one_line(" ".join(_words(answer)))


def answered_title(answer: Any) -> str:
    """Return the title in the response to a request for one, empty if the response is not a title.

    :param answer: the reassembled response; its text is the title, or an object with a member ``title``.
    """
    text = "\n".join(_words(answer)).strip().removeprefix("```json").removesuffix("```").strip()
    document = embedded(text)
    if text.startswith("{"):
        title = document.get("title") if isinstance(document.get("title"), str) else ""
    else:
        title = re.sub(r"<think(?:ing)?>.*?</think(?:ing)?>", " ", text, flags=re.S).strip().partition("\n")[0]
        title = re.sub(r"\A(?:Title|Thread title):\s*", "", title, flags=re.I)
    line = one_line(str(title).strip().strip("\"'*#").strip(), _LONGEST_TITLE + 1)
    return line if _is_title(line) and len(line) <= _LONGEST_TITLE else ""


def is_about(title: str, prompt: str) -> bool:
    """Tell whether a title is about the user's prompt: they have a content word in common.

    Models asked for a title sometimes answer the prompt instead, or apologise; then the user's own words say more.
    Only text in Latin letters is compared.
    """
    if not prompt or not (title.isascii() and prompt.isascii()):
        return True
    return not _stems(title).isdisjoint(_stems(prompt))


def _stems(text: str) -> set[str]:
    """Return the prefixes of a text's content words: enough to match ``redirects`` and ``redirection``."""
    return {word[:5] for word in re.findall(r"[a-z0-9]{2,}", text.lower()) if word not in _SMALL_WORDS}


_SMALL_WORDS = frozenset(
    """a an the this that these those is are was be been do does did has have can could will would should may i you
    we it its my your our me us of in on at by to from for with and or not no as so if then than please help mock
    session title user conversation chat thread about how what why when where which who new use get make""".split()
)


def _is_title(line: str) -> bool:
    if line.isascii():
        return len(line.split()) >= _FEWEST_WORDS
    return len(line.split()) >= _FEWEST_WORDS or len(line) >= _FEWEST_LETTERS


def _words(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of a response that are meant for the user."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 8:
        for each in value:
            yield from _words(each, depth + 1)
    elif isinstance(value, OBJECT) and depth < 8:
        what = value.get("type")
        if value.get("thought") is True or (isinstance(what, str) and _NOT_WORDS.search(what)):
            return
        for name in (*_ANSWERS, "text", "parts", "delta"):
            if name in value and not (name == "message" and "error" in value):
                yield from _words(value[name], depth + 1)
