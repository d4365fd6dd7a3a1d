"""Writing the figures of interleaved rounds as one Markdown table per scenario."""

import statistics

COLUMNS = (
    "proxy | req/s | / nginx | / off | TTFT p50 ms | added p99 TTFT ms | added p99 event ms "
    "| processor ms/req | / nginx | / off | of it recorder | while driven | backlog s | MB/s down | MB/s up "
    "| most RSS MB | PSS MB | of it recorder | records / requests | errors"
)

Rounds = dict[str, list[dict]]
OFF = "ccsproxy-off"


def median(rounds: list[dict], get) -> float:
    return statistics.median(get(r) for r in rounds)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f} to {max(values):.2f}]"


def ratio(results: Rounds, name: str, other: str, get) -> str:
    if not results.get(other) or not median(results[other], get):
        return "-"
    return f"{median(results[name], get) / median(results[other], get):.2f}"


def added(results: Rounds, name: str, what: str) -> list[float]:
    """Return what a proxy adds to the p99 of the same round without any, in milliseconds."""
    direct = [r[what]["p99"] for r in results.get("direct", [])]
    base = direct + [statistics.median(direct)] * len(results[name]) if direct else [0] * len(results[name])
    return [(r[what]["p99"] - base[n]) / 1000 for n, r in enumerate(results[name])]


def records(rounds: list[dict]) -> str:
    kept = [r.get("kept") for r in rounds]
    if any(each is None for each in kept):
        return "-"
    return f"{sum(kept)} / {sum(r['total_requests'] for r in rounds)}"


def row(results: Rounds, name: str) -> str:
    rounds = results[name]

    def rate(r: dict) -> float:
        return r["rps"]

    def cpu(r: dict) -> float:
        return r["cpu_ms_per_request"]

    cells = [
        name,
        f"{median(rounds, rate):.0f}",
        ratio(results, name, "nginx", rate),
        ratio(results, name, OFF, rate),
        f"{median(rounds, lambda r: r['ttft_us']['p50']) / 1000:.2f}",
        spread(added(results, name, "ttft_us")),
        spread(added(results, name, "event_us")),
        f"{median(rounds, cpu):.3f}",
        ratio(results, name, "nginx", cpu),
        ratio(results, name, OFF, cpu),
        f"{median(rounds, lambda r: r['recorder_cpu_ms_per_request']):.3f}",
        f"{median(rounds, lambda r: r['cpu_ms_while_driven']):.3f}",
        f"{median(rounds, lambda r: r['backlog_s']):.1f}",
        f"{median(rounds, lambda r: r['mb_s']):.0f}",
        f"{median(rounds, lambda r: r['up_mb_s']):.0f}",
        f"{max(r['rss'] for r in rounds):.0f}",
        f"{max(r['pss'] for r in rounds):.0f}",
        f"{max(r['recorder_pss'] for r in rounds):.0f}",
        records(rounds),
        str(sum(r["errors"] for r in rounds)),
    ]
    return "| " + " | ".join(cells) + " |"


def table(scenario: str, results: Rounds) -> str:
    head = [f"### {scenario}", "", f"| {COLUMNS} |", "|" + "---|" * (COLUMNS.count("|") + 1)]
    return "\n".join(head + [row(results, name) for name in results if results[name]]) + "\n"


def line(r: dict) -> str:
    return (
        f"{r['rps']:.0f} req/s, TTFT p99 {r['ttft_us']['p99'] / 1000:.2f} ms, "
        f"event p99 {r['event_us']['p99'] / 1000:.2f} ms, {r['cpu_ms_per_request']:.3f} CPU ms/req "
        f"({r['recorder_cpu_ms_per_request']:.3f} recorder), backlog {r['backlog_s']:.1f} s, {r['pss']:.0f} MB PSS, "
        f"{r['kept']} kept of {r['total_requests']}, {r['errors']} errors"
    )
