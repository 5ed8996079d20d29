"""The processes of `revoke_now`: `serve DATABASE`, and `call`, which takes a race from each line.

All that a race needs comes on standard input, since everybody can read a command line.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.long.plain_http import Connection, request
from tests.server.support import running

REFUSALS = 3
"""After so many in a row a caller believes it."""
AT_MOST_S = 8.0
"""How long a key may be tried: one that is never refused is found, too."""
Calls = Iterator[bytes]


class Race:
    """The key that is tried, by each thread in its own manner."""

    def __init__(self, line: str, say: Callable[[object], None]) -> None:
        job = json.loads(line)
        self._ports: list[int] = job["ports"]
        self._key_id: str = job["key_id"]
        self._secret: str = job["secret"]
        self._victims: list[str] = job["victims"]
        self._manners: list[str] = job["manners"]
        self._name: str = job["name"]
        self._say = say
        self._lock = threading.Lock()
        self._begun = 0
        self._statuses: Counter[int] = Counter()
        self._last_accepted = 0.0
        self._refused_from: list[float] = []

    def run(self) -> None:
        """Say that all threads were accepted; then, once all are refused, what was seen."""
        threads = [
            threading.Thread(target=self._hammer, args=(self._ports[turn % 2], manner))
            for turn, manner in enumerate(self._manners)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._say(
            {
                "statuses": self._statuses,
                "last_accepted": self._last_accepted,
                "refused_from": self._refused_from,
            }
        )

    def _hammer(self, port: int, manner: str) -> None:
        connection = Connection(port)
        refused: list[float] = []
        end = time.monotonic() + AT_MOST_S
        for turn, data in enumerate(self._calls(port, manner)):
            begun = time.monotonic()
            status = connection.ask(data).status
            with self._lock:
                self._statuses[status] += 1
                if status < 300:
                    self._last_accepted = max(self._last_accepted, begun)
                    refused.clear()
                if turn == 1:
                    self._begin()
            if status == 401:
                refused.append(begun)
            if len(refused) == REFUSALS or begun > end:
                break
        connection.close()
        with self._lock:
            self._refused_from += refused

    def _begin(self) -> None:
        self._begun += 1
        if self._begun == len(self._manners):
            self._say("begun")

    def _calls(self, port: int, manner: str) -> Calls:
        own = [("Host", f"127.0.0.1:{port}"), ("Authorization", f"Bearer {self._secret}")]
        typed = [*own, ("Content-Type", "application/json")]
        # What a key does is named after it, so that the database's record tells whose it was.
        body = json.dumps({"name": self._key_id}).encode()
        for turn in itertools.count(1):
            match manner:
                case "services" | "account" | "api-keys":
                    yield request("GET", f"/v1/{manner}", own)
                case "create":
                    yield request("POST", "/v1/api-keys", typed, body)
                case "repeat":
                    named = [("Idempotency-Key", f"{self._name}-{self._key_id}")]
                    named.append(("Idempotency-Attempt", str(turn % 1000 + 1)))
                    yield request("POST", "/v1/api-keys", [*typed, *named], body)
                case "revoke":
                    victim = self._victims[turn % len(self._victims)]
                    yield request("DELETE", f"/v1/api-keys/{victim}", own)


def _say(what: Any) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve, or call, until standard input ends."""
    if sys.argv[1] == "serve":
        with running(Path(sys.argv[2])) as server:
            _say(server.port)
            sys.stdin.read()
    else:
        for line in sys.stdin:
            Race(line, _say).run()


if __name__ == "__main__":
    main()
