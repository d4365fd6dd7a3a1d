"""The hosts of model APIs, whose traffic is recorded under forwarding.

Exact hosts, not whole domains: telemetry, logins and update checks of the same vendors pass unread. Like an X.509
name constraint, a name here covers the names below it, so each is as narrow as possible: the regional hosts of Vertex
AI and Bedrock are listed individually, because their common suffix covers all of Google and Amazon.
"""

from __future__ import annotations

_VERTEX_REGIONS = (
    "us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west4 northamerica-northeast1 southamerica-east1 "
    "europe-central2 europe-north1 europe-southwest1 europe-west1 europe-west2 europe-west3 europe-west4 "
    "europe-west6 europe-west8 europe-west9 asia-east1 asia-east2 asia-northeast1 asia-northeast3 asia-south1 "
    "asia-southeast1 australia-southeast1 australia-southeast2 me-central1 me-central2 me-west1 africa-south1"
).split()
_BEDROCK_REGIONS = (
    "us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1 ca-central-1 ca-west-1 sa-east-1 "
    "eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 ap-east-2 "
    "ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 "
    "ap-southeast-4 ap-southeast-5 ap-southeast-7 il-central-1 me-central-1 me-south-1 af-south-1 mx-central-1"
).split()

#: Each with the names below it.
MODEL_HOSTS = (
    "api.anthropic.com",
    "api.openai.com",
    "chatgpt.com",
    "generativelanguage.googleapis.com",
    "cloudcode-pa.googleapis.com",
    "daily-cloudcode-pa.googleapis.com",
    "aiplatform.googleapis.com",
    *(f"{region}-aiplatform.googleapis.com" for region in _VERTEX_REGIONS),
    *(f"bedrock-runtime.{region}.amazonaws.com" for region in _BEDROCK_REGIONS),
    "openai.azure.com",
    "services.ai.azure.com",
    "cognitiveservices.azure.com",
    "models.inference.ai.azure.com",
    "api.githubcopilot.com",
    "api.individual.githubcopilot.com",
    "api.business.githubcopilot.com",
    "api.enterprise.githubcopilot.com",
    "proxy.individual.githubcopilot.com",
    "proxy.business.githubcopilot.com",
    "proxy.enterprise.githubcopilot.com",
    "models.github.ai",
    "openrouter.ai",
    "api.deepseek.com",
    "api.mistral.ai",
    "codestral.mistral.ai",
    "api.groq.com",
    "api.x.ai",
    "api.moonshot.ai",
    "api.moonshot.cn",
    "api.kimi.com",
    "open.bigmodel.cn",
    "api.z.ai",
    "dashscope.aliyuncs.com",
    "dashscope-intl.aliyuncs.com",
    "dashscope-us.aliyuncs.com",
    "portal.qwen.ai",
    "api.minimax.io",
    "api.minimaxi.com",
    "api.together.xyz",
    "api.together.ai",
    "api.fireworks.ai",
    "api.cerebras.ai",
    "api.perplexity.ai",
    "api.cohere.com",
    "api.cohere.ai",
    "router.huggingface.co",
    "api-inference.huggingface.co",
    "ollama.com",
    "ampcode.com",
    "opencode.ai",
    "api.kilo.ai",
    "kilocode.ai",
    "api.cline.bot",
    "ai-gateway.vercel.sh",
    "gateway.ai.cloudflare.com",
    "integrate.api.nvidia.com",
    "api.sambanova.ai",
    "api.novita.ai",
    "api.deepinfra.com",
    "inference.baseten.co",
    "llm.chutes.ai",
    "api.inceptionlabs.ai",
)
