"""`guildhall bench`: figures as ratios against floors measured in the same run."""

from __future__ import annotations

import asyncio
import json
import statistics
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from shared.testing.harness import create_topics
from shared.testing.stack import StackUnavailable, start_stack
from tests.bench.latency import journey, raw_legs
from tests.bench.lists import compare
from tests.bench.messaging import throughput

app = typer.Typer(help="Measure, against floors of the same run.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure, against floors of the same run."""


@app.command()
def messaging(
    stack: Annotated[str, typer.Option(help="embedded, apache, docker or external")] = "embedded",
    events: Annotated[int, typer.Option(help="Events in each throughput round.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="Rounds; the median counts.")] = 3,
    posts: Annotated[int, typer.Option(help="Posts in the latency run.")] = 200,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Relay and consumer throughput, and latency from a post to the stream."""
    console = Console()
    try:
        figures = asyncio.run(_messaging(stack, events, rounds, posts, console))
    except StackUnavailable as unavailable:
        console.print(str(unavailable))
        raise typer.Exit(2) from None
    table = Table("figure", "reached", "to reach")
    for name, target in (
        ("relay_ratio", "≥ 0.5"),
        ("consumer_ratio", "≥ 0.6"),
        ("consumer_vs_handwritten", "≥ 50"),
        ("latency_p50_ratio", "≤ 3"),
        ("latency_p99_ratio", ""),
    ):
        table.add_row(name, f"{figures[name]:.2f}", target)
    console.print(table)
    console.print_json(json.dumps(figures["raw"]))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


@app.command()
def lists(
    stack: Annotated[str, typer.Option(help="embedded, apache, docker or external")] = "embedded",
    few: Annotated[int, typer.Option(help="Items in the small community.")] = 10_000,
    many: Annotated[int, typer.Option(help="Items in the large one.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(help="Times that each is asked; the median counts.")] = 30,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Lists, search and timelines: their time with many items as a ratio of that with few."""
    console = Console()
    try:
        small, large = asyncio.run(_lists(stack, few, many, rounds, console))
    except StackUnavailable as unavailable:
        console.print(str(unavailable))
        raise typer.Exit(2) from None
    ratios = {name: large[name] / small[name] for name in small}
    table = Table("request", f"{few:,} items, ms", f"{many:,} items, ms", "ratio", "to reach")
    for name, ratio in ratios.items():
        table.add_row(name, f"{small[name] * 1e3:.1f}", f"{large[name] * 1e3:.1f}", f"{ratio:.2f}", "≤ 1.5")
    console.print(table)
    figures = {
        "worst_ratio": max(ratios.values()),
        "ratios": ratios,
        "raw": {"stack": stack, "few": few, "many": many, "seconds": {"few": small, "many": large}},
    }
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


async def _lists(
    stack: str, few: int, many: int, rounds: int, console: Console
) -> tuple[dict[str, float], dict[str, float]]:
    with Progress(console=console) as progress:
        async with start_stack(stack) as running:
            return await compare(running, few, many, rounds, progress)


@app.command()
def programmes(
    mentees: Annotated[int, typer.Option(help="How many want a mentor.")] = 10_000,
    mentors: Annotated[int, typer.Option(help="How many offer to be one.")] = 2_000,
    listed: Annotated[int, typer.Option(help="How many mentors a mentee lists.")] = 50,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Programmes of mentors: both modes, with their figures, beside the package `matching`."""
    from tests.bench.programmes import MODES, REFERENCE, measure

    console = Console()
    found = measure(mentees, mentors, listed)
    table = Table("figure", *MODES, "to reach")
    for name, target in (
        ("seconds", "≤ 2"),
        ("matched", ""),
        ("unmatched", ""),
        ("blocking_pairs", "0 in stable"),
        ("mean_rank", ""),
        ("first_choices", ""),
        ("over_capacity", "0"),
    ):
        table.add_row(name, *(f"{found[mode][name]:,.4g}" for mode in MODES), target)
    console.print(table)
    reference = found["reference"]
    console.print(
        f"{REFERENCE[0]} x {REFERENCE[1]}, lists of {REFERENCE[2]}: the package takes "
        f"{reference['ratio']:,.0f} times as long, "
        f"and gives {'the same' if reference['same'] else 'another'}."
    )
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")


@app.command()
def communities(
    files: Annotated[list[Path], typer.Argument(help="Communities: questions, one a line of JSON.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Recommending communities: members' later tags from their earlier ones, beside baselines."""
    from tests.bench.communities import measure

    console = Console()
    found = {file.name.partition(".")[0]: measure(file) for file in files}
    for community, methods in found.items():
        either = methods["popularity"], methods["popularity"]["all-tags"]
        titles = [
            f"{words}, {each['queries']} queries"
            for words, each in zip(("new tags", "all tags"), either, strict=True)
        ]
        table = Table(community, *titles, box=box.SIMPLE, padding=(0, 1, 0, 0))
        for method, figures in methods.items():
            table.add_row(method, *(_gained(each) for each in (figures, figures["all-tags"])))
        console.print(table)
    console.print("nDCG@10, and its gain over popularity with the 95 % interval of a bootstrap over members")
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")


def _gained(figures: dict[str, Any]) -> str:
    interval = f"({figures['gain-low']:+.0%} to {figures['gain-high']:+.0%})"
    return f"{figures['ndcg@10']:.3f} {figures['gain']:+.0%} {interval}"


async def _messaging(stack: str, events: int, rounds: int, posts: int, console: Console) -> dict[str, Any]:
    with Progress(console=console) as progress:
        async with start_stack(stack) as running:
            rates = await throughput(running, events, rounds, progress)
        # Another stack: on this one the services would first work off what the relay benchmark published.
        async with start_stack(stack) as running:
            await create_topics(running)
            task = progress.add_task("post to stream", total=2)
            legs = await raw_legs(running, posts)
            progress.advance(task)
            run = await journey(running, posts)
            progress.advance(task)
    p50, p99 = _percentiles(run["latencies"])
    raw50, raw99 = _percentiles(legs)
    return {
        "relay_ratio": rates.median("relay") / rates.median("relay_floor"),
        "consumer_ratio": rates.median("consumer") / rates.median("consumer_floor"),
        "consumer_vs_handwritten": rates.median("consumer") / rates.median("handwritten"),
        "latency_p50_ratio": p50 / raw50,
        "latency_p99_ratio": p99 / raw99,
        "raw": {
            "stack": stack,
            "events_per_round": events,
            "events_per_second": {name: [round(rate) for rate in found] for name, found in rates.raw.items()},
            "latency_ms": {"p50": p50 * 1e3, "p99": p99 * 1e3, "posts": len(run["latencies"])},
            "raw_legs_ms": {"p50": raw50 * 1e3, "p99": raw99 * 1e3, "rounds": len(legs)},
            "saturation_posts_per_second": run["saturation"],
        },
    }


def _percentiles(values: list[float]) -> tuple[float, float]:
    """The 50th and the 99th percentile."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


@app.command()
def routing(
    files: Annotated[
        list[Path], typer.Argument(help="Communities, one question a line, .jsonl or .jsonl.gz.")
    ],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Who should see a problem: the router replayed on real communities, beside simpler methods."""
    from tests.bench import routing as bench_routing

    console = Console()
    try:
        figures, loads = bench_routing.run(files, lambda note: console.print(note, style="dim"))
    except bench_routing.Broken as broken:
        console.print(str(broken), soft_wrap=True, markup=False)
        raise typer.Exit(2) from None
    shown = (*bench_routing.MEASURES, bench_routing.BEST)
    for community, methods in figures.items():
        table = Table(box=None, padding=(0, 1, 0, 0))
        table.add_column(community, no_wrap=True, min_width=max(map(len, methods)))
        for heading in (*shown, "queries"):
            table.add_column(heading)
        for method, found in methods.items():
            values = (f"{found[measure]:.3f}" for measure in shown)
            table.add_row(method, *values, f"{found['queries']:.0f}")
        console.print(table, "")
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("with all caps", no_wrap=True)
    for heading in (
        "answerers",
        "problems a day",
        "asks",
        "of members",
        "busiest",
        "ndcg@10",
        "without caps",
    ):
        table.add_column(heading)
    for load in loads:
        counts = (f"{each}" for each in (load.answerers, load.pace, load.asks, load.members))
        agreement = (f"{each:.3f}" for each in (load.capped, load.uncapped))
        table.add_row(load.community, *counts, f"{load.busiest:.1%}", *agreement)
    console.print(table)
    if json_file is not None:
        measures = (*bench_routing.MEASURES, "queries")
        exact = {
            community: {
                method: {measure: found[measure] for measure in measures} for method, found in methods.items()
            }
            for community, methods in figures.items()
        }
        json_file.write_text(json.dumps(exact, indent=2) + "\n")


@app.command()
def duplicates(
    files: Annotated[list[Path], typer.Argument(help="Pairs of questions, as JSON lines, also gzipped.")],
    workers: Annotated[int, typer.Option(help="Processes that work out meanings.")] = 2,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Questions asked before, found again: the service beside BM25, TF-IDF and the embedding."""
    from tests.bench import duplicates as bench_duplicates

    console = Console()
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for file in files:
        name = file.name.partition(".")[0]
        with Progress(console=console) as progress:
            figures[name], speed = asyncio.run(bench_duplicates.measure(file, workers, progress))
        table = Table(name, *bench_duplicates.FIGURES, "queries", "ms", box=box.SIMPLE, padding=(0, 1, 0, 0))
        for method, found in figures[name].items():
            values = [f"{found[figure]:.3f}" for figure in bench_duplicates.FIGURES]
            table.add_row(method, *values, f"{found['queries']:.0f}", f"{speed[f'{method}_ms']:.1f}")
        console.print(table)
        console.print(f"{speed['texts_per_second']:.1f} texts a second by {workers} workers (ONNX Runtime)")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


@app.command("routing-scale")
def routing_scale(
    members: Annotated[list[int] | None, typer.Option(help="Sizes; five solutions for each member.")] = None,
    queries: Annotated[int, typer.Option(help="Queries at each size.")] = 1_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the cost of a query here, as SVG.")] = None,
) -> None:
    """The router at a million members: queries, updates, memory, beside the fastest engine."""
    from tests.bench import scale

    console = Console()
    sizes = members or [10_000, 30_000, 100_000, 300_000, 1_000_000]
    found = [scale.measure(size, queries, lambda note: console.print(note, style="dim")) for size in sizes]
    table = Table("", *(f"{each.members:,}" for each in found), box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name in scale.Figures._fields[1:]:
        values = (getattr(each, name) for each in found)
        table.add_row(
            name,
            *(
                f"{each:,.{2 if each < 10 else 1}f}" if isinstance(each, float) else f"{each:,}"
                for each in values
            ),
        )
    table.add_row("p99 to the fastest's", *(f"{each.query_p99_ms / each.floor_p99_ms:.2f}" for each in found))
    console.print(table)
    last = found[-1]
    console.print(f"p99 beside the fastest engine's: {last.query_p99_ms / last.floor_p99_ms:.2f} (≤ 3)")
    first = found[0]
    console.print(
        f"p99 grows {last.query_p99_ms / first.query_p99_ms:.1f} times, "
        f"members {last.members / first.members:.0f} times (to reach: less than they)"
    )
    console.print(f"memory per member: {last.bytes_per_member:,.0f} bytes (to reach: ≤ 1,024)")
    if plot is not None:
        plot.write_text(scale.drawn(found))
    if json_file is not None:
        json_file.write_text(json.dumps([each._asdict() for each in found], indent=2) + "\n")


@app.command()
def rebuild(
    stack: Annotated[str, typer.Option(help="embedded, apache, docker or external")] = "embedded",
    problems: Annotated[int, typer.Option(help="Problems, with two solutions each.")] = 50_000,
    rounds: Annotated[int, typer.Option(help="Rounds; the median counts.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """The index in memory built from MongoDB, beside a raw scan of the same documents."""
    from tests.bench import rebuild as bench_rebuild

    console = Console()

    async def measure() -> dict[str, float]:
        with Progress(console=console) as progress:
            task = progress.add_task("scan and rebuild", total=rounds)
            async with start_stack(stack) as running:
                return await bench_rebuild.rebuild(running, problems, rounds, lambda: progress.advance(task))

    figures = asyncio.run(measure())
    table = Table(*figures, box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_row(*(f"{each:,.2f}" for each in figures.values()))
    console.print(table)
    console.print("rebuild_ratio: to reach ≥ 0.5")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


@app.command()
def similar(
    stack: Annotated[str, typer.Option(help="embedded, apache, docker or external")] = "embedded",
    problems: Annotated[int, typer.Option(help="Problems that whoever types may see.")] = 10_000,
    rounds: Annotated[int, typer.Option(help="Problems that are typed.")] = 50,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """`POST /similar` while somebody types, by words and by meaning, beside the least that it could take."""
    from tests.bench.similar import TYPED, measure

    async def run() -> Any:
        async with start_stack(stack) as running:
            return await measure(running, problems, rounds)

    console = Console()
    try:
        found = asyncio.run(run())
    except StackUnavailable as unavailable:
        console.print(str(unavailable))
        raise typer.Exit(2) from None
    spent = {
        "a request that asks nothing": found.meaning.nothing,
        "the model alone": found.model,
        "a matrix and a vector alone": found.product,
        "by words": found.words.drafts,
        "by meaning": found.meaning.drafts,
        **{
            f"by meaning, {words} words typed": found.meaning.drafts[at :: len(TYPED)]
            for at, words in enumerate(TYPED)
        },
    }
    milliseconds = {name: [each * 1e3 for each in _percentiles(times)] for name, times in spent.items()}
    table = Table("request", "p50, ms", "p99, ms", "to reach")
    for name, (p50, p99) in milliseconds.items():
        target = "p50 ≤ 150" if name in ("by words", "by meaning") else ""
        table.add_row(name, f"{p50:.1f}", f"{p99:.1f}", target)
    console.print(table)
    floor = sum(p50 for p50, _ in list(milliseconds.values())[:3])
    ratio = milliseconds["by meaning"][0] / floor
    console.print(
        f"By meaning it takes {ratio:.2f} times the floor of {floor:.1f} ms; of "
        f"{found.meaning.fell_back:.1%} of the drafts the meaning was not told in time.",
        soft_wrap=True,
    )
    if json_file is not None:
        figures = {
            "ratio": ratio,
            "fell_back": found.meaning.fell_back,
            "milliseconds": {name: {"p50": p50, "p99": p99} for name, (p50, p99) in milliseconds.items()},
            "raw": {"stack": stack, "problems": problems, "drafts": len(found.model)},
        }
        json_file.write_text(json.dumps(figures, indent=2) + "\n")
