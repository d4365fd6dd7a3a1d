"""Writing the figures of interleaved rounds as one Markdown table per scenario."""

import statistics

COLUMNS = (
    "proxy | req/s | / nginx | / aiohttp | TTFT p50 ms | TTFT p99 ms | added p99 ms | event p99 ms "
    "| CPU ms/req | / nginx | of it recorder | MB/s down | MB/s up | RSS MB | PSS MB | of it recorder | errors"
)

Rounds = dict[str, list[dict]]


def median(rounds: list[dict], get) -> float:
    return statistics.median(get(r) for r in rounds)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f} to {max(values):.2f}]"


def ratio(results: Rounds, name: str, other: str, get) -> str:
    if other not in results or not median(results[other], get):
        return "-"
    return f"{median(results[name], get) / median(results[other], get):.2f}"


def row(results: Rounds, name: str, base: float) -> str:
    rounds = results[name]

    def rate(r: dict) -> float:
        return r["rps"]

    def cpu(r: dict) -> float:
        return r["cpu_ms_per_request"]

    cells = [
        name,
        f"{median(rounds, rate):.0f}",
        ratio(results, name, "nginx", rate),
        ratio(results, name, "aiohttp", rate),
        f"{median(rounds, lambda r: r['ttft_us']['p50']) / 1000:.2f}",
        spread([r["ttft_us"]["p99"] / 1000 for r in rounds]),
        spread([(r["ttft_us"]["p99"] - base) / 1000 for r in rounds]),
        f"{median(rounds, lambda r: r['event_us']['p99']) / 1000:.2f}",
        f"{median(rounds, cpu):.3f}",
        ratio(results, name, "nginx", cpu),
        f"{median(rounds, lambda r: r['recorder_cpu_ms_per_request']):.3f}",
        f"{median(rounds, lambda r: r['mb_s']):.0f}",
        f"{median(rounds, lambda r: r['up_mb_s']):.0f}",
        f"{max(r['rss'] for r in rounds):.0f}",
        f"{max(r['pss'] for r in rounds):.0f}",
        f"{max(r['recorder_pss'] for r in rounds):.0f}",
        str(sum(r["errors"] for r in rounds)),
    ]
    return "| " + " | ".join(cells) + " |"


def table(scenario: str, results: Rounds) -> str:
    base = median(results["direct"], lambda r: r["ttft_us"]["p99"]) if "direct" in results else 0.0
    head = [f"### {scenario}", "", f"| {COLUMNS} |", "|" + "---|" * (COLUMNS.count("|") + 1)]
    return "\n".join(head + [row(results, name, base) for name in results]) + "\n"


def line(r: dict) -> str:
    return (
        f"{r['rps']:.0f} req/s, TTFT p99 {r['ttft_us']['p99'] / 1000:.2f} ms, "
        f"event p99 {r['event_us']['p99'] / 1000:.2f} ms, "
        f"{r['cpu_ms_per_request']:.3f} CPU ms/req "
        f"({r['recorder_cpu_ms_per_request']:.3f} recorder), {r['rss']:.0f} MB RSS ({r['recorder_rss']:.0f}), "
        f"{r['pss']:.0f} MB PSS ({r['recorder_pss']:.0f}), {r['errors']} errors"
    )
