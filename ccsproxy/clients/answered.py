"""What a model answered, for people: its words, or the title that it was asked for."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ccsproxy.clients.call import embedded
from ccsproxy.clients.own_words import one_line

#: What of an answer is no words of it: thoughts, calls, results of the provider's own tools.
_NOT_WORDS = re.compile(r"thinking|reasoning|_call\Z|tool_use\Z|_result\Z|_call_output\Z|refusal_details")
_ANSWERS = ("content", "output", "choices", "candidates", "message", "response", "outputs", "completion", "steps")
#: A title of fewer words says too little; languages without spaces need as many letters.
_FEWEST_WORDS, _FEWEST_LETTERS = 2, 4
_LONGEST_TITLE = 120


def answer_line(answer: Any) -> str:
    """Return the beginning of an answer's words as one line, empty where it has none.

    :param answer: the reassembled answer of whatever dialect.
    """
    return one_line(" ".join(_words(answer)))


def answered_title(answer: Any) -> str:
    """Return the title that a call for one was answered with, empty where the answer is none.

    :param answer: the reassembled answer; its text is the title, or an object with a member ``title``.
    """
    text = "\n".join(_words(answer)).strip().removeprefix("```json").removesuffix("```").strip()
    said = embedded(text)
    if text.startswith("{"):
        title = said.get("title") if isinstance(said.get("title"), str) else ""
    else:
        title = re.sub(r"<think(?:ing)?>.*?</think(?:ing)?>", " ", text, flags=re.S).strip().partition("\n")[0]
        title = re.sub(r"\A(?:Title|Thread title):\s*", "", title, flags=re.I)
    line = one_line(str(title).strip().strip("\"'*#").strip(), _LONGEST_TITLE)
    return line if _is_title(line) else ""


def _is_title(line: str) -> bool:
    if line.isascii():
        return len(line.split()) >= _FEWEST_WORDS
    return len(line.split()) >= _FEWEST_WORDS or len(line) >= _FEWEST_LETTERS


def _words(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of an answer that are words for the user."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 8:
        for each in value:
            yield from _words(each, depth + 1)
    elif isinstance(value, Mapping) and depth < 8:
        what = value.get("type")
        if value.get("thought") is True or (isinstance(what, str) and _NOT_WORDS.search(what)):
            return
        for name in (*_ANSWERS, "text", "parts", "delta"):
            if name in value and not (name == "message" and "error" in value):
                yield from _words(value[name], depth + 1)
