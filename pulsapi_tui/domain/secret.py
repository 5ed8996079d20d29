"""The one type that holds a secret."""

from __future__ import annotations

import base64
import hmac
from typing import Any, NoReturn, final
from urllib.parse import quote

PIECE = 8
"""So many characters of a secret in a row tell something."""


@final
class Secret:
    """A secret that can't be printed, formatted, pickled, copied or hashed by accident.

    `reveal()` is the only way to the text; each call of it is a place that the leak test knows.
    Python can't wipe memory, so nothing here promises that.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text:
            raise ValueError("a secret can't be empty")
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text

    def matches(self, candidate: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(
            self._text.encode("utf-8", "surrogatepass"), candidate.encode("utf-8", "surrogatepass")
        )

    def is_safe_beside(self, text: str) -> bool:
        """Whether a text of somebody else holds no piece of the secret, in any usual spelling.

        A piece is eight characters in a row; spellings are raw, base64, hex and percent-encoded.
        """
        raw = self._text.encode("utf-8", "surrogatepass")
        spelled = [self._text, raw.hex(), quote(self._text, safe="")]
        for shift in range(3):
            # What comes before it moves the groups of base64; their first and last may differ.
            encoded = base64.b64encode(b"\0" * shift + raw).decode()[4:-4]
            spelled += [encoded, encoded.replace("+", "-").replace("/", "_")]
        folded = text.casefold()
        return not any(
            each[start : start + PIECE].casefold() in folded
            for each in spelled
            for start in range(max(1, len(each) - PIECE + 1))
            if len(each) >= PIECE
        )

    def stands_in(self, text: str) -> bool:
        """Whether a text holds the secret, as where it was pasted into the wrong field."""
        return self._text in text

    def ends_in(self, hint: str) -> bool:
        """Whether it has that hint; so it is most likely that key's."""
        return bool(hint) and self._text.endswith(hint)

    def __repr__(self) -> str:
        return "<Secret>"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return "<Secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._text)

    __hash__ = None  # type: ignore[assignment]  # a hash of a secret would be a way to test for it

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("a secret can't be copied or pickled")

    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __getstate__ = _refuse
