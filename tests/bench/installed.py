"""The first frame of other programs made with Textual, each in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.line import NothingDrawnError, has_frame, on_a_line
from tests.bench.ratio import Ratio
from tests.bench.start import MINIMAL, MINIMAL_APP

_PROGRAMS = {
    "toolong": ("tl", "{file}"),
    "frogmouth": ("frogmouth",),
    "harlequin": ("harlequin",),
    "posting": ("posting",),
}
"""What starts each."""


def first_frames(turns: int, folder: Path) -> Iterator[Ratio]:
    """Each of them against a minimal app, as ours is. `reach` is ours, for the comparison."""
    file = folder / "some.log"
    file.write_text("a line\n" * 40)
    for package, (program, *arguments) in _PROGRAMS.items():
        place = folder / package
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([place / "bin" / "pip", "install", "-qq", package], check=True)
        argv = [str(place / "bin" / program), *(each.format(file=file) for each in arguments)]
        theirs, minimal = [], []
        try:
            for _ in range(turns + 1):
                theirs.append(_first_frame_ms(argv, folder))
                minimal.append(_first_frame_ms(MINIMAL_APP, folder))
        except NothingDrawnError as error:
            print(f"{package}: does not start here: {error}", flush=True)  # noqa: T201
            continue
        # The first start writes what is compiled.
        yield Ratio(f"{package}: start to first frame", theirs[1:], MINIMAL, minimal[1:], "ms", 1.2)


def _first_frame_ms(argv: Sequence[str], folder: Path) -> float:
    with on_a_line(argv, folder) as line:
        return line.until(has_frame) * 1000
