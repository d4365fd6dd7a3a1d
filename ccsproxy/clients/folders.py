"""An agent's working directory, as stated in its prompt."""

import re

import attr

from ccsproxy.clients.call import ClientCall, first_path, instructions

#: How many matches without a path after them are tolerated: hostile texts repeat them.
_TRIES = 5
#: Absolute paths only, since prose may say ``Working directory: the one above``.
_PATH = r"[ \t]{0,16}[`\"']?((?:/|~|[A-Za-z]:[\\/]|\\\\)[^\r\n`\"]{0,4096})"
_IN_BRACKETS = r"((?:/|~|[A-Za-z]:[\\/]|\\\\)[^\r\n`\")]{0,4096})\)"


@attr.frozen
class Saying:
    """How an agent states its working directory.

    :ivar words: the fixed text.
    :ivar path: an expression with one group for what follows it.
    """

    words: str
    path: re.Pattern[str]

    def find(self, text: str) -> str | None:
        """Return the path stated in a text."""
        at = text.find(self.words)
        for _ in range(_TRIES):
            if at < 0:
                return None
            end = at + len(self.words)
            if match := self.path.match(text, end):
                return first_path(match.group(1).strip(" \t'*"))
            at = text.find(self.words, end)
        return None


def _saying(words: str, path: str = _PATH) -> Saying:
    return Saying(words, re.compile(path))


#: Special forms come before more general ones.
_SAYINGS = (
    # Claude Code 2.1 (and version 1 of this program, for any client).
    _saying("Primary working directory:", r"[ \t]{0,64}(\S[^\r\n]{0,4096})"),
    # Codex.
    _saying("<cwd>", r"\s{0,16}([^<]{1,4096})</cwd>"),
    # Cline and Roo Code: ``Current Working Directory (/x) Files``, ``Current Workspace Directory (/x)``.
    _saying("Current Working Directory (", _IN_BRACKETS),
    _saying("Current Workspace Directory (", _IN_BRACKETS),
    _saying("Current Workspace Directory:"),
    # Claude Code of old, OpenCode, Kilo, Crush, Continue, Copilot, Pi, Cline, Goose.
    _saying("orking directory:"),
    _saying("orking Directory:"),
    _saying("orking directory is", ":?" + _PATH),
    # Gemini CLI and Qwen Code, old and new.
    _saying("working in the directory:"),
    _saying("following directories:", r"\s{0,16}-" + _PATH),
    _saying("Workspace Directories:", r"(?:\*\*)?\s{0,16}(?:-)?" + _PATH),
    _saying("Project root:"),
)


#: One of these occurs in the fixed text of each form: most texts have none, and need not be searched for each.
_SIGNS = ("irector", "<cwd>", "Project root:")


def working_folder(call: ClientCall) -> str | None:
    """Return the working directory stated in the instructions of a call, None if there is none."""
    texts = [text for text in instructions(call.body) if _may_say(text)]
    if not texts:
        return None
    for saying in _SAYINGS:
        for text in texts:
            if path := saying.find(text):
                return path
    return None


def _may_say(text: str) -> bool:
    """Tell quickly whether a text may state a working directory."""
    return any(sign in text for sign in _SIGNS)
