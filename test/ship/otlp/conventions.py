"""The conventions' own words for what we emit: names and types, as their registry has them.

Copied by hand out of open-telemetry/semantic-conventions-genai, ``model/gen-ai/registry.yaml`` and
``model/gen-ai/{spans,metrics,token-metrics}.yaml`` (main of November 2026, first release 0.1.0), and of
open-telemetry/semantic-conventions 1.44, ``model/{error,server,http,url,session,user,service,host}``.
"""

#: Type of each attribute; "json" is their ``any``, which may be JSON text on a span.
ATTRIBUTES = {
    "error.type": str,
    "gen_ai.agent.id": str,
    "gen_ai.agent.name": str,
    "gen_ai.agent.version": str,
    "gen_ai.conversation.compacted": bool,
    "gen_ai.conversation.id": str,
    "gen_ai.input.messages": "json",
    "gen_ai.operation.name": str,
    "gen_ai.output.messages": "json",
    "gen_ai.provider.name": str,
    "gen_ai.request.choice.count": int,
    "gen_ai.request.frequency_penalty": float,
    "gen_ai.request.max_tokens": int,
    "gen_ai.request.model": str,
    "gen_ai.request.presence_penalty": float,
    "gen_ai.request.previous_response.id": str,
    "gen_ai.request.reasoning.level": str,
    "gen_ai.request.seed": int,
    "gen_ai.request.stop_sequences": list,
    "gen_ai.request.stream": bool,
    "gen_ai.request.temperature": float,
    "gen_ai.request.top_k": int,
    "gen_ai.request.top_p": float,
    "gen_ai.response.finish_reasons": list,
    "gen_ai.response.id": str,
    "gen_ai.response.model": str,
    "gen_ai.response.time_to_first_chunk": float,
    "gen_ai.system_instructions": "json",
    "gen_ai.token.modality": str,
    "gen_ai.tool.call.arguments": "json",
    "gen_ai.tool.call.id": str,
    "gen_ai.tool.call.result": "json",
    "gen_ai.tool.definitions": "json",
    "gen_ai.tool.name": str,
    "gen_ai.tool.type": str,
    "gen_ai.usage.cache_creation.input_tokens": int,  # the name of 2025, which is read still
    "gen_ai.usage.cache_read.input_tokens": int,
    "gen_ai.usage.cache_write.input_tokens": int,
    "gen_ai.usage.input_tokens": int,
    "gen_ai.usage.output_tokens": int,
    "gen_ai.usage.reasoning.output_tokens": int,
    "host.name": str,
    "http.request.method": str,
    "http.response.status_code": int,
    "server.address": str,
    "server.port": int,
    "service.instance.id": str,
    "service.name": str,
    "service.version": str,
    "session.id": str,
    "url.path": str,
    "user.id": str,
}
OPERATIONS = {"chat", "embeddings", "execute_tool", "generate_content", "invoke_agent", "text_completion"}
PROVIDERS = {
    "anthropic", "aws.bedrock", "azure.ai.inference", "azure.ai.openai", "cohere", "deepseek", "gcp.gemini",
    "gcp.gen_ai", "gcp.vertex_ai", "groq", "ibm.watsonx.ai", "mistral_ai", "moonshot_ai", "openai", "perplexity",
    "x_ai",
}  # fmt: skip
#: Instrument and unit of each metric.
METRICS = {
    "gen_ai.client.inference.duration": ("histogram", "s"),
    "gen_ai.client.inference.time_to_first_chunk": ("histogram", "s"),
    "gen_ai.client.inference.operation.input_tokens": ("histogram", "{token}"),
    "gen_ai.client.inference.operation.output_tokens": ("histogram", "{token}"),
    "gen_ai.client.inference.usage.input_tokens": ("counter", "{token}"),
    "gen_ai.client.inference.usage.output_tokens": ("counter", "{token}"),
    "gen_ai.client.inference.usage.cache_read.input_tokens": ("counter", "{token}"),
    "gen_ai.client.inference.usage.cache_write.input_tokens": ("counter", "{token}"),
    "gen_ai.client.inference.usage.reasoning.output_tokens": ("counter", "{token}"),
}
#: Parts of messages: what each must have (``gen-ai-input-messages.json``); any other type is a generic part.
PARTS = {
    "text": {"content": str},
    "reasoning": {"content": str},
    "tool_call": {"name": str},
    "tool_call_response": {"response": object},
}
ROLES = {"system", "user", "assistant", "tool"}
