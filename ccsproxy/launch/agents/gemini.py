"""The launcher's description of Gemini CLI: no variable chooses its login, so a base URL alone does not start it."""

from ccsproxy.launch.agent import Agent, Leading, Measured, ServiceFacts, Surroundings
from ccsproxy.launch.settings_files import member, read_json


def _base_url(service: ServiceFacts, surroundings: Surroundings) -> Leading:
    # With a Google login it uses Code Assist, a separate API, and ignores the other variable.
    if _login(surroundings) == "subscription":
        return Leading({"CODE_ASSIST_ENDPOINT": service.base("codeassist")})
    return Leading({"GOOGLE_GEMINI_BASE_URL": service.base("google")})


def _login(surroundings: Surroundings) -> str:
    chosen = member(read_json(surroundings.home / ".gemini" / "settings.json"), "security", "auth", "selectedType")
    known = {"gemini-api-key": "api-key", "oauth-personal": "subscription", "vertex-ai": "api-key"}
    return known.get(str(chosen), "unknown" if chosen else "none")


AGENT = Agent(
    name="gemini",
    title="Gemini CLI",
    commands=("gemini",),
    upstream="google",
    base_url=_base_url,
    effects=("It no longer accepts answers in brotli.",),
    login=_login,
    needs="a login chosen once in Gemini CLI itself (security.auth.selectedType in ~/.gemini/settings.json)",
    asking=("-p", "{prompt}"),
    measured=Measured("0.61.0", "2026-11-30"),
)
