"""Medians, ratios and verdicts as a Markdown table."""

from __future__ import annotations

from statistics import median

from bench_rig.load import Target, Workload

HEAD = (
    "| workload | peer | peer's | godwit's | ratio (by round) | target | verdict |\n"
    "|---|---|---|---|---|---|---|"
)


def number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def unit(value: str) -> str:
    return " KiB" if value.endswith("_kib") else " µs"


def typical(value: str, results: list[float]) -> float:
    """The median; of latencies the best run, since neighbours on the machine only ever add."""
    is_latency = value.startswith("p") and value.endswith("_us")
    return min(results) if is_latency else median(results)


def verdict(target: Target, ours: float, ratio: float) -> bool:
    if target.ratio is not None:
        return ratio <= target.ratio
    return target.limit is not None and ours <= target.limit


def goal(target: Target) -> str:
    if target.ratio is not None:
        return f"≤ {target.ratio}×"
    return f"≤ {number(target.limit or 0)}{unit(target.value)}"


def row(workload: Workload, target: Target, rounds: list[tuple[dict, dict]]) -> str:
    """`rounds` holds (peer's result, ours) of each round."""
    start = f"| {target.row} | {workload.peer} |"
    failures = [
        result.get("error") or f"{result['lost']} messages lost"
        for pair in rounds
        for result in pair
        if "error" in result or result["lost"]
    ]
    if failures:
        return f"{start} | | | {goal(target)} | **invalid**: {failures[0]} |"
    peers = [peer[target.value] for peer, _ in rounds]
    ours = [own[target.value] for _, own in rounds]
    ratios = [own / max(peer, 1e-9) for peer, own in zip(peers, ours, strict=True)]
    theirs, own = typical(target.value, peers), typical(target.value, ours)
    ratio = own / max(theirs, 1e-9)
    met = "met" if verdict(target, own, ratio) else "**missed**"
    return (
        f"{start} {number(theirs)}{unit(target.value)} | {number(own)}{unit(target.value)} |"
        f" {ratio:.3f} ({min(ratios):.3f}–{max(ratios):.3f}) | {goal(target)} | {met} |"
    )
