"""Makes what an agent sends: sessions whose bodies grow from turn to turn by real source text, as tool results do.

The file is what ``load -F`` reads. Six digits stand behind every `MARK`; the load raises them when a session has sent
all of its bodies, so that no text of a later lap was seen before.
"""

import json
import os
import random
from pathlib import Path

#: See ``MARK`` in load.c: it may stand in a session's id, and in no source text.
MARK = "1a9c0e"
_LAP = MARK + "000000"
TOOLS = 40


def write_agent_calls(path: Path, *, sessions: int, turns: int, smallest: int, largest: int) -> None:
    """Write the bodies of sessions.

    :param turns: bodies of a session.
    :param smallest: bytes of a session's first body.
    :param largest: bytes of its last one.
    """
    rnd = random.Random(7)
    texts = _source_texts()
    tools = [_tool(number, rnd, texts) for number in range(TOOLS)]
    heads, bodies = [], []
    for session in range(sessions):
        messages = [_user(f"{_LAP} session {session}: find the fault in the parser and mend it")]
        system = f"{_LAP} Primary working directory: /srv/work/project-{session}\n" + rnd.choice(texts)[:12000]
        for turn in range(turns):
            target = smallest + (largest - smallest) * turn // max(1, turns - 1)
            while len(body := _body(session, system, tools, messages)) < target:
                messages += _step(session, len(messages), rnd, texts)
            heads.append(f"{len(body)} {session} {rnd.randrange(100, 401)}\n")
            bodies.append(body)
    path.write_bytes((f"{len(bodies)}\n" + "".join(heads) + "".join(bodies)).encode())


def _source_texts() -> list[str]:
    files = sorted(Path(os.__file__).parent.glob("*.py"))
    texts = [each.read_text(errors="replace") for each in files if each.stat().st_size > 3000]
    return [each for each in texts if MARK not in each]


def _tool(number: int, rnd: random.Random, texts: list[str]) -> dict:
    said = rnd.choice(texts)
    members = {f"arg_{n}": {"type": "string", "description": rnd.choice(texts)[50:180]} for n in range(6)}
    schema = {"type": "object", "properties": members}
    return {"name": f"mcp__srv{number // 6}__tool_{number}", "description": said[100:900], "input_schema": schema}


def _user(text: str) -> dict:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def _step(session: int, number: int, rnd: random.Random, texts: list[str]) -> list[dict]:
    """Make a call of a tool and its result."""
    text, name = rnd.choice(texts), f"toolu_{session}_{number}"
    at = rnd.randrange(0, max(1, len(text) - 2000))
    call = {"type": "tool_use", "id": name, "name": "Read",
            "input": {"file_path": f"/srv/work/project-{session}/m{number}.py", "offset": at}}  # fmt: skip
    said = {"type": "text", "text": f"{_LAP} step {number}: I read the next file."}
    found = f"{_LAP} {session} {number}\n" + text[at : at + rnd.randrange(2000, 16000)]
    result = {"type": "tool_result", "tool_use_id": name, "content": found}
    return [{"role": "assistant", "content": [said, call]}, {"role": "user", "content": [result]}]


def _body(session: int, system: str, tools: list[dict], messages: list[dict]) -> str:
    user = {"device_id": "0" * 64, "session_id": f"00000000-0000-4000-8{session:03d}-{_LAP}"}
    return json.dumps(
        {
            "model": "claude-mock-1",
            "max_tokens": 32000,
            "stream": True,
            "metadata": {"user_id": json.dumps(user)},
            "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            "tools": tools,
            "messages": messages,
        }
    )
