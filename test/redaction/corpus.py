"""Made-up secrets of many kinds, the places in which agents meet them, and harmless texts; all from a seed."""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator

_B62 = string.ascii_letters + string.digits
_ALPHABETS = {
    "b": _B62,
    "u": _B62 + "-_",
    "B": _B62 + "+/",
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "l": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "d": string.digits,
    "a": string.ascii_letters,
    "p": _B62 + "!#%*+@^",
}

#: Kinds: a name that such a secret stands under, and its form: text in quotes as it is, else alphabets and lengths.
KINDS = """
ANTHROPIC_API_KEY 'sk-ant-api03-' u93 'AA'
ANTHROPIC_ADMIN_KEY 'sk-ant-admin01-' u93
CLAUDE_CODE_OAUTH_TOKEN 'sk-ant-oat01-' u95
OPENAI_API_KEY 'sk-proj-' u74 'T3BlbkFJ' u74
OPENAI_LEGACY_KEY 'sk-' b20 'T3BlbkFJ' b20
OPENROUTER_API_KEY 'sk-or-v1-' h64
DEEPSEEK_API_KEY 'sk-' h32
GEMINI_API_KEY 'AIzaSy' u33
GROQ_API_KEY 'gsk_' b52
XAI_API_KEY 'xai-' b80
PPLX_API_KEY 'pplx-' b48
CEREBRAS_API_KEY 'csk-' l48
HF_TOKEN 'hf_' a34
REPLICATE_API_TOKEN 'r8_' b37
NVIDIA_API_KEY 'nvapi-' u64
MISTRAL_API_KEY b32
COHERE_API_KEY b40
TOGETHER_API_KEY h64
FIREWORKS_API_KEY 'fw_' b24
LANGSMITH_API_KEY 'lsv2_pt_' h32 '_' h10
GITHUB_TOKEN 'ghp_' b36
GH_ACTIONS_TOKEN 'ghs_' b36
GITHUB_PAT_TOKEN 'github_pat_' b22 '_' b59
GITLAB_TOKEN 'glpat-' u20
NPM_TOKEN 'npm_' b36
UV_PUBLISH_TOKEN 'pypi-AgEIcHlwaS5vcmc' u100
CARGO_REGISTRY_TOKEN 'cio' b32
DOCKER_TOKEN 'dckr_pat_' u27
AWS_ACCESS_KEY_ID 'AKIA' U16
AWS_SECRET_ACCESS_KEY B40
AWS_SESSION_TOKEN 'IQoJ' B300
AZURE_STORAGE_ACCOUNT_KEY B86 '=='
AZURE_CLIENT_SECRET b3 '8Q~' b34
GOOGLE_CLIENT_SECRET 'GOCSPX-' u28
GOOGLE_ACCESS_TOKEN 'ya29.' u150
DIGITALOCEAN_TOKEN 'dop_v1_' h64
CLOUDFLARE_API_TOKEN u40
HEROKU_API_KEY h8 '-' h4 '-' h4 '-' h4 '-' h12
VERCEL_TOKEN b24
NETLIFY_AUTH_TOKEN 'nfp_' b36
SUPABASE_SECRET_KEY 'sb_secret_' u31
DATABRICKS_TOKEN 'dapi' h32
DD_API_KEY h32
NEW_RELIC_API_KEY 'NRAK-' U27
SENTRY_AUTH_TOKEN 'sntryu_' h64
SLACK_BOT_TOKEN 'xoxb-' d12 '-' d12 '-' b24
DISCORD_TOKEN 'M' b23 '.' u6 '.' u38
TELEGRAM_BOT_TOKEN d10 ':AA' u33
STRIPE_SECRET_KEY 'sk_live_' b24
STRIPE_RESTRICTED_KEY 'rk_live_' b99
STRIPE_WEBHOOK_SECRET 'whsec_' b32
SENDGRID_API_KEY 'SG.' u22 '.' u43
TWILIO_API_SECRET b32
TWILIO_KEY_SID 'SK' h32
SNOWFLAKE_PASSWORD p16
DB_PASSWORD p20
SESSION_JWT 'eyJhbGciOiJIUzI1NiJ9.eyJ' u40 '.' u43
VAULT_TOKEN 'hvs.' u95
LINEAR_API_KEY 'lin_api_' b40
DJANGO_SECRET_KEY p50
"""


class Corpus:
    """Draws secrets and texts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, alphabet: str, length: int) -> str:
        """Draw letters."""
        return "".join(self.random.choice(_ALPHABETS[alphabet]) for _ in range(length))

    def secret(self, form: list[str]) -> str:
        """Draw a secret of a form."""
        return "".join(part.strip("'") if part[0] == "'" else self.text(part[0], int(part[1:])) for part in form)

    def secrets(self, each: int) -> Iterator[tuple[str, str]]:
        """Draw some of each kind: a name, and the secret."""
        for line in KINDS.strip().splitlines():
            name, *form = line.split()
            for _ in range(each):
                yield name, self.secret(form)


def _camel(name: str) -> str:
    first, *others = name.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


def _json(value: object) -> str:
    return json.dumps(value, indent=1)


#: How a secret under a name is written, by the name of the place.
PLACEMENTS: dict[str, Callable[[str, str], str]] = {
    "environment file": lambda n, v: f"# settings\nDEBUG=1\n{n}={v}\nPORT=8000\n",
    "export": lambda n, v: f'$ export {n}="{v}" && make deploy\n',
    "YAML": lambda n, v: f"service:\n  {n.lower()}: {v}\n  port: 80\n",
    "JSON": lambda n, v: _json({"env": {"HOME": "/root", n: v}, "port": 80}),
    "JSON in JSON": lambda n, v: json.dumps({"arguments": json.dumps({_camel(n): v, "n": [1]})}),
    "header of curl": lambda n, v: (
        f"curl -s -H 'X-{n.title().replace('_', '-')}: {v}' https://api.example.com/v1/items"
    ),
    "flag": lambda n, v: f"./deploy --region eu --{n.lower().replace('_', '-')} {v} --verbose",
    "numbered lines": lambda n, v: f"     1→# secrets\n     2→{n}={v}\n     3→\n",
    "diff": lambda n, v: f"@@ -1,2 +1,2 @@\n PORT=80\n-{n}=\n+{n}={v}\n",
    "assignment": lambda n, v: f'def main():\n    {n.lower()} = "{v}"\n    return connect({n.lower()})\n',
    "query": lambda n, v: (
        f"GET https://api.example.com/v1/items?limit=5&access_token={v.replace('+', '%2B')} HTTP/1.1"
    ),
    "Kubernetes secret": lambda n, v: f"kind: Secret\ndata:\n  {n}: {base64.b64encode(v.encode()).decode()}\n",
}
