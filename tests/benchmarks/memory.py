"""How much memory a process holds, as Linux tells it."""

from __future__ import annotations

from pathlib import Path


def resident(process: int | str = "self") -> float:
    """Megabytes of the process with this number. Raises OSError where there is no /proc."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (held,) = [line for line in lines if line.startswith("VmRSS")]
    return int(held.split()[1]) / 1024
