"""A ChatGPT login that nobody gave: what Codex keeps of one, with a token that nothing signed."""

import base64
import json
import time
from typing import Any


def chatgpt_login(account: str) -> dict[str, Any]:
    """Return the contents of Codex's ``auth.json``."""
    claims = {
        "exp": int(time.time()) + 86400,
        "email": "nobody@example.com",
        "https://api.openai.com/auth": {"chatgpt_account_id": account, "chatgpt_plan_type": "pro",
                                        "chatgpt_user_id": "user-mock"},
    }  # fmt: skip
    token = ".".join(_part(part) for part in ({"alg": "none", "typ": "JWT"}, claims, "unsigned"))
    tokens = {"id_token": token, "access_token": token, "refresh_token": "refresh-none", "account_id": account}
    return {
        "OPENAI_API_KEY": None,
        "tokens": tokens,
        "last_refresh": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
