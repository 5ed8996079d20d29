"""Bugs are planted, one at a time, in a copy of the tree: the tests that should catch them do.

Before that, the tests have to pass in the copy as it is: else they would catch anything.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.long.planted import PLANTS, Plant

ROOT = Path(__file__).parents[2]
MOST_S = 300
"""For the tests of one row; a plant that makes them hang is caught, too."""
MOST_ALL_S = 3_600
"""For those of all rows together."""

_COPIED = ("pulsapi_tui", "tests", "screenshots", "pyproject.toml", "README.md", "CHANGELOG.md")
_OPTIONS = ("-n", "0", "-q", "-x", "-p", "no:cacheprovider")
_FAILED = 1
"""What pytest ends with where a test failed."""


class Tree:
    """A copy of the tree, with a Python that runs it and nothing of the original."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "tree"
        for name in _COPIED:
            self._root.mkdir(exist_ok=True)
            if (ROOT / name).is_dir():
                left_out = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, self._root / name, ignore=left_out)
            else:
                shutil.copy(ROOT / name, self._root / name)
        self._python = self._environment()

    def _environment(self) -> Path:
        """The packages of this one, but the program of the copy; its script, too."""
        place = self._root / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        python = place / "bin" / "python"
        packages = sysconfig.get_path("purelib")
        own = subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        )
        # A path that a .pth names is searched, but the .pth files in there are not read: one of
        # them leads to the original.
        Path(own.stdout.strip(), "copy.pth").write_text(f"{self._root}\n{packages}\n")
        script = place / "bin" / "pulsapi-tui"
        script.write_text(
            f"#!{python}\nimport sys\nfrom pulsapi_tui.cli import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        return python

    def failure(self, tests: Iterable[str], most_s: float) -> str:
        """What one of those tests failed by, or nothing. Raises where they can't be run."""
        try:
            done = subprocess.run(
                [str(self._python), "-m", "pytest", *_OPTIONS, *tests],
                cwd=self._root,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=most_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "They hang."
        if done.returncode not in {0, _FAILED}:
            raise SystemExit(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout[-3000:] if done.returncode == _FAILED else ""

    def catches(self, plant: Plant) -> bool:
        """Whether its tests catch a bug; the copy is afterwards as it was."""
        file = self._root / plant.file
        whole = file.read_text(encoding="utf-8")
        file.write_text(planted(whole, plant), encoding="utf-8")
        try:
            return bool(self.failure(plant.tests, MOST_S))
        finally:
            file.write_text(whole, encoding="utf-8")


def planted(text: str, plant: Plant) -> str:
    """The text of a file with the bug in it. Raises where it is not there exactly once."""
    count = text.count(plant.old)
    if count != 1:
        raise ValueError(f"{plant.id}: its old text is in {plant.file} {count} times")
    return text.replace(plant.old, plant.new)


def try_out(folder: Path, plants: Sequence[Plant]) -> list[str]:
    """Plant each of them; a line for each. Raises where the tests fail without a bug."""
    tree = Tree(folder)
    every = sorted({test for plant in plants for test in plant.tests})
    failure = tree.failure(every, MOST_ALL_S)
    if failure:
        raise SystemExit(f"The tests fail without a bug, so they would catch any.\n{failure}")
    lines = []
    for plant in plants:
        began = time.monotonic()
        word = "caught" if tree.catches(plant) else "MISSED"
        lines.append(f"{word} {plant.id} ({time.monotonic() - began:.0f} s): {plant.promise}")
    return lines


def figure(folder: Path, times: int, seed: int) -> str:
    """At most so many of them, chosen by the seed. Raises where one was missed."""
    chosen = list(PLANTS)
    random.Random(seed).shuffle(chosen)  # noqa: S311  # an order
    lines = try_out(folder, chosen[:times])
    missed = sum(line.startswith("MISSED") for line in lines)
    text = "\n".join([*lines, f"{len(lines) - missed} of {len(lines)} planted bugs were caught"])
    assert not missed, text
    return text
