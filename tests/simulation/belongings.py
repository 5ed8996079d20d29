"""What a person has of keys: what was shown and taken away, and what lies in env files.

It outlives every start of the program. Secrets are kept as digests.
"""

from __future__ import annotations

from pathlib import Path

from pulsapi_tui.domain.delivery import Target
from tests.simulation.ledger import digest_of

NAMES = ("CI/CD Pipeline", "Deploy bot", "Backup")
"""Few, so that creates of one name meet."""

VARIABLE = "PULSAPI_API_KEY"


class Belongings:
    """What a person has, whatever becomes of the program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.held: dict[str, str] = {}
        """Secrets that were taken away, by the ids of their keys: as digests."""
        self.files: dict[str, str] = {}
        """What stands in the env files that services read, by their paths: as digests."""
        self.drops: dict[str, str] = {}
        """The same of files that a create was delivered to."""
        self.last_name = NAMES[0]
        """Of the key that was asked for last: who gets no answer asks for the same again."""
        self.closed: set[str] = set()
        """Keys that are known to be stored, and that the program was told of or knows itself."""

    def file(self, name: str) -> str:
        """The path of an env file."""
        return str(self._folder / f"{name}.env")

    def put(self, path: str, secret: str) -> None:
        """Write an env file by hand."""
        Path(path).write_text(f"# kept\n{VARIABLE}={secret}\n")
        Path(path).chmod(0o600)
        self.files[path] = digest_of(secret)

    def read(self, path: str) -> str:
        """The key in an env file."""
        [line] = [line for line in Path(path).read_text().splitlines() if line.startswith(VARIABLE)]
        return line.partition("=")[2]

    def written(self, target: Target) -> None:
        """The program has written an env file."""
        path = target.values["path"]
        where = self.files if path in self.files else self.drops
        where[path] = digest_of(self.read(path))

    @property
    def digests(self) -> set[str]:
        """All secrets that are somewhere."""
        return {*self.held.values(), *self.files.values(), *self.drops.values()}
