"""Renders the measurements of suite.py: Markdown tables of medians, and a plot of seconds and memory.

python -m benchmarks.tables results.jsonl --plot growth.svg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import CACHED, KERAS, REGPIPE, STOCK
from benchmarks.results import REST, Results, growth, read
from pipeline_def.steps import STEP_NAMES

MIB = "peak memory, MiB"


def size_table(results: Results, rows: int) -> str:
    """Returns the table of one size: seconds, rows per second and peak memory by step and of the whole processes."""
    lines = [
        "| seconds | stock TFX | regpipe | stock / regpipe | rows a second | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for step in (*STEP_NAMES, REST):
        stock, own = (results.seconds(peer, rows, step) for peer in (STOCK, REGPIPE))
        if stock is None and own is None:  # such as the Tuner, as the strengths are fixed
            continue
        rate = f"{rows / own:,.0f}" if own and step != REST else "-"
        peak = rounded(results.peak(REGPIPE, rows, step))
        lines.append(
            f"| {step} | {rounded(stock)} | {rounded(own)} | {ratio(stock, own)} | {rate} | {peak} |"
        )
    lines += [
        "",
        "| whole process | stock TFX | bare Keras, 1 model | regpipe | cached | stock / regpipe | Keras / regpipe |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, values in (
        ("seconds", [results.seconds(peer, rows) for peer in (STOCK, KERAS, REGPIPE, CACHED)]),
        (MIB, [results.peak(peer, rows) for peer in (STOCK, KERAS, REGPIPE, CACHED)]),
    ):
        cells = [*map(rounded, values), ratio(values[0], values[2]), ratio(values[1], values[2])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def turns(results: Results, rows: int) -> str:
    """Describes the number of runs behind the medians, and the programs whose number differs."""
    counts = {peer: len(results.of(peer, rows)) for peer in (REGPIPE, STOCK, KERAS, CACHED)}
    usual = counts[REGPIPE]
    others = [f"{peer}: {count or 'none'}" for peer, count in counts.items() if count != usual]
    return f"medians of {usual}" + (f" ({', '.join(others)})" if others else "")


def growth_table(results: Results) -> str:
    """Returns a table with the fitted line of seconds against rows for each step."""
    lines = [
        "| step | fixed seconds | seconds per million rows | largest deviation |",
        "| --- | ---: | ---: | ---: |",
    ]
    for step in (*STEP_NAMES, REST, None):
        pairs = [(rows, results.seconds(REGPIPE, rows, step)) for rows in results.sizes]
        known = [(rows, seconds) for rows, seconds in pairs if seconds]
        if len(known) > 1:
            line = growth([rows for rows, _ in known], [seconds for _, seconds in known])
            cells = f"{rounded(line.start)} | {rounded(line.per_million)} | {line.deviation:.0%}"
            lines.append(f"| {step or '**whole process**'} | {cells} |")
    return "\n".join(lines)


def ratio(left: float | None, right: float | None) -> str:
    """Formats `left` / `right`; '-' if one of them was not measured."""
    return f"{left / right:.1f}x" if left and right else "-"


def rounded(value: float | None) -> str:
    """Formats a number with its significant decimals; '-' for none."""
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def plot(results: Results, path: Path) -> None:
    """Plots seconds against rows on logarithmic axes, and regpipe's memory over time, a curve for each size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for peer in (STOCK, KERAS, REGPIPE, CACHED):
        points = [(rows, seconds) for rows in results.sizes if (seconds := results.seconds(peer, rows))]
        if points:
            left.plot(*zip(*points, strict=True), marker="o", label=peer)
    left.set(xscale="log", yscale="log", xlabel="rows", ylabel="seconds, whole process", title="Time")
    left.legend()
    for rows in results.sizes:
        for run in results.of(REGPIPE, rows)[:1]:
            times, mib = zip(*run["usage"]["memory"], strict=True)
            right.plot([at / times[-1] for at in times], mib, label=f"{rows:,} rows", linewidth=1)
    right.set(
        xlabel="part of the run", ylabel="MiB, process and children", title="regpipe's memory", ylim=(0, None)
    )
    right.legend()
    figure.savefig(path, metadata={"Date": None})


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the arguments, prints the tables and draws the plot."""
    parser = argparse.ArgumentParser(description="Render the measurements of suite.py.")
    parser.add_argument("results", type=Path, help="the file that suite.py wrote")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="an SVG or PNG to draw")
    args = parser.parse_args(argv)
    results = read(args.results)
    for rows in results.sizes:
        print(
            f"**{rows:,} rows, {results.epochs} epochs, {turns(results, rows)}**\n\n{size_table(results, rows)}\n"
        )
    print(f"**Growth of regpipe with the rows**\n\n{growth_table(results)}\n")
    print(", ".join(f"{name} {value}" for name, value in results.machine.items()))
    if args.plot:
        plot(results, args.plot)


if __name__ == "__main__":
    main()
