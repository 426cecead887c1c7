"""What a run of the suite came to, by service."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.tempest import Result

PASSED = ("success", "xfail")


def report(results: Sequence[Result], file: Path, title: str) -> int:
    """Print and write passed, failed and skipped; return 0 when every test passed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        counts[service(result.test)][word(result)] += 1
    total = sum(counts.values(), Counter[str]())
    lines = [f"# Conformance: {title}", "", "| service | passed | failed | skipped |", "|---|---:|---:|---:|"]
    for each, count in sorted(counts.items()):
        lines.append(f"| {each} | {count['passed']} | {count['failed']} | {count['skipped']} |")
    lines.append(f"| all | {total['passed']} | {total['failed']} | {total['skipped']} |")
    for kind in ("failed", "skipped"):
        names = sorted(result.test for result in results if word(result) == kind)
        if names:
            lines += ["", f"## {kind.capitalize()}", "", *(f"- {each}" for each in names)]
    text = "\n".join(lines) + "\n"
    file.write_text(text)
    print(text)
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 0 if results and not total["failed"] and not total["skipped"] else 1


def word(result: Result) -> str:
    """Return what a result counts as; a test that did not run counts as failed."""
    if result.status in PASSED:
        return "passed"
    return "skipped" if result.status == "skip" else "failed"


def service(test: str) -> str:
    """Return the service that a test is about, or `scenario`."""
    parts = test.removeprefix("setUpClass (").split(".")
    return parts[2] if len(parts) > 2 and parts[1] == "api" else parts[1] if len(parts) > 1 else test
