"""``python -m rag.index``: fetch what the reading list lacks, read the PDFs, write the index.

``--check`` tells how well each reading could be read.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict

from rag import console
from rag.assembly import build_index, store_kind
from rag.library.builds import BuildReport
from rag.library.health import ReadingHealth
from rag.library.index import Index
from rag.settings import Settings


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m rag.index", description=__doc__)
    parser.add_argument("--check", action="store_true", help="report the health of the index")
    parser.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    arguments = parser.parse_args(argv)
    settings = console.load_settings
    if arguments.check:
        return console.run(lambda: _check(settings(), as_json=arguments.json))
    return console.run(lambda: _build(settings(), as_json=arguments.json))


def _build(settings: Settings, *, as_json: bool) -> int:
    started = time.perf_counter()
    bars = console.ProgressBars()
    try:
        report = build_index(settings, bars, console.say)
    finally:
        bars.close()
    seconds = time.perf_counter() - started
    if as_json:
        console.show_json(_report_record(report, seconds))
    else:
        console.say(f"{_summary(report, seconds)}; vectors: {store_kind(settings)}")
    return console.LEFT_OUT if report.left_out else console.DONE


def _report_record(report: BuildReport, seconds: float) -> dict[str, object]:
    return {
        "index": str(report.folder),
        "readings": [r.reading_id for r in report.readings],
        "left_out": dict(report.left_out),
        "reused": list(report.reused),
        "rebuilt": list(report.rebuilt),
        "chunks": report.chunks,
        "unchanged": report.unchanged,
        "seconds": {stage: round(s, 3) for stage, s in report.seconds} | {"all": round(seconds, 3)},
    }


def _summary(report: BuildReport, seconds: float) -> str:
    lines = [f"{reading.reading_id}: {reading.full_title}" for reading in report.readings]
    lines += [f"left out: {name}: {reason}" for name, reason in report.left_out]
    state = "nothing had changed" if report.unchanged else f"{len(report.rebuilt)} read anew"
    lines.append(
        f"{len(report.readings)} readings, {report.chunks} chunks in {report.folder} "
        f"({state}; {seconds:.1f} s)"
    )
    return "\n".join(lines)


def _check(settings: Settings, *, as_json: bool) -> int:
    index = Index.open(settings.index_folder, None)
    left_out = dict(index.left_out)
    if as_json:
        health = [asdict(entry) for entry in index.health()]
        console.show_json({"readings": health, "left_out": left_out})
    else:
        console.show("\n\n".join(map(_health_text, index.health())))
        console.show(f"\n{len(index)} vectors: {store_kind(settings)}")
        for name, reason in left_out.items():
            console.show(f"\nleft out: {name}: {reason}")
    return console.LEFT_OUT if left_out else console.DONE


def _health_text(health: ReadingHealth) -> str:
    empty = ", ".join(map(str, health.empty_pages)) or "none"
    blocks = ", ".join(f"{count} {kind}" for kind, count in health.blocks)
    lines = [
        f"{health.reading_id}  {health.title} ({health.kind})",
        f"  pages: {health.pages}; without text: {empty}",
        f"  blocks: {blocks}",
        f"  chunks: {health.chunks}; the longest has {health.longest_chunk_tokens} tokens",
    ]
    return "\n".join(lines + [f"  note: {problem}" for problem in health.problems])


if __name__ == "__main__":
    sys.exit(main())
