"""The registry of agents: one line each."""

from ccsproxy.launch.agent import Agent
from ccsproxy.launch.agents import claude, codex, copilot, gemini, opencode, pi, plain, qwen

AGENTS: tuple[Agent, ...] = (
    claude.AGENT,
    codex.AGENT,
    gemini.AGENT,
    opencode.AGENT,
    opencode.KILO,
    qwen.AGENT,
    copilot.AGENT,
    pi.AGENT,
    plain.CLINE,
    plain.CRUSH,
    plain.AMP,
    plain.AIDER,
    plain.GOOSE,
    plain.CONTINUE,
    plain.LLM,
)

BY_NAME = {agent.name: agent for agent in AGENTS}
