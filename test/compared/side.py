"""Answers to what agents ask beside their model calls: model lists, accounts, subscriptions; 404 to all else."""

from typing import Any

ACCOUNT = "acct-mock"
_ANTHROPIC = [
    {
        "type": "model",
        "id": "claude-sonnet-4-5",
        "display_name": "Claude Sonnet 4.5",
        "created_at": "2026-01-01T00:00:00Z",
    }
]
_COPILOT_LIMITS = {"max_context_window_tokens": 200000, "max_output_tokens": 16000, "max_prompt_tokens": 128000}
_COPILOT_SUPPORTS = {"streaming": True, "tool_calls": True, "parallel_tool_calls": True, "vision": True}
_CODE_ASSIST = {
    "loadCodeAssist": {
        "currentTier": {"id": "free-tier", "name": "Free"},
        "cloudaicompanionProject": "mock-project",
        "allowedTiers": [{"id": "free-tier", "isDefault": True}],
    }
}


def code_assist(action: str) -> Any:
    """Answer a call of Code Assist that asks no model."""
    return _CODE_ASSIST.get(action, {"done": True, "response": {}})


def answer(method: str, host: str, path: str, agent: str) -> tuple[int, Any]:
    """Return status and JSON value for a path."""
    if path.endswith("/accounts/check"):
        account = {"id": ACCOUNT, "plan_type": "pro", "workspace_backend_origin": "https://chatgpt.com",
                   "account_routing_override": "NO_CONSTRAINT"}  # fmt: skip
        return 200, {"accounts": [account], "account_ordering": [ACCOUNT], "default_account_id": ACCOUNT}
    if path.endswith("/copilot_internal/user"):
        return 200, {"login": "someone", "copilot_plan": "individual", "chat_enabled": True, "cli_enabled": True,
                     "organization_list": [], "quota_snapshots": {},
                     "endpoints": {"api": "https://api.individual.githubcopilot.com"}}  # fmt: skip
    if path.endswith("/models"):
        return 200, _models(host)
    if method in ("GET", "HEAD") and path in ("/", "/api/hello"):
        return 200, {"ok": True}
    return 404, {"type": "error", "error": {"type": "not_found_error", "message": "the mock knows no such path"}}


def _models(host: str) -> Any:
    if "anthropic" in host:
        return {"data": _ANTHROPIC, "has_more": False, "first_id": None, "last_id": None}
    if "google" in host:
        return {"models": [{"name": "models/gemini-2.5-flash", "supportedGenerationMethods": ["generateContent"]}]}
    if "copilot" in host:
        return {"data": [_copilot_model("claude-sonnet-4.5")]}
    return {"object": "list", "data": [{"id": "gpt-5.5", "object": "model", "owned_by": "openai"}], "models": []}


def _copilot_model(name: str) -> dict[str, Any]:
    can = {"family": name, "type": "chat", "object": "model_capabilities", "tokenizer": "o200k_base",
           "limits": _COPILOT_LIMITS, "supports": _COPILOT_SUPPORTS}  # fmt: skip
    return {"id": name, "name": name, "object": "model", "vendor": "mock", "version": name, "preview": False,
            "model_picker_enabled": True, "is_chat_default": True, "is_chat_fallback": True,
            "billing": {"is_premium": True, "multiplier": 1}, "policy": {"state": "enabled", "terms": ""},
            "supported_endpoints": ["/chat/completions", "/v1/messages"], "capabilities": can}  # fmt: skip
