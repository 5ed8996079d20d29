"""No spelling of a secret, and no piece of one, is left in what a tool wrote."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsapi_tui.delivery.scrub import MARK, MIN_RUN, scrub
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.domain.text import clean_lines
from tests.unit.support import CANARY

# All that an encoding may have to do something about.
AWKWARD = 'local_é"/\\+&%?ÿ~ß=\u20ac0123\U0001f511abc'

SPELLINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, urlsafe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 after one byte": lambda text: base64.b64encode(b":" + text.encode() + b":").decode(),
    "base64 after two bytes": lambda text: base64.b64encode(b"u:" + text.encode() + b"\n").decode(),
    "base64, urlsafe, shifted": lambda text: base64.urlsafe_b64encode(
        b"user:" + text.encode()
    ).decode(),
    "hex": lambda text: text.encode().hex(),
    "upper-case hex": lambda text: text.encode().hex().upper(),
    "percent": lambda text: quote(text, safe=""),
    "lower-case percent": lambda text: quote(text, safe="").replace("%C3%A9", "%c3%a9"),
    "all percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON": lambda text: json.dumps({"key": text}),
    "JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON, as PHP has it": lambda text: json.dumps(text).replace("/", "\\/"),
    "Python bytes": lambda text: repr(text.encode()),
}


def runs(text: str, length: int = MIN_RUN) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


@pytest.mark.parametrize("secret", [CANARY, AWKWARD])
@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_goes(name: str, secret: str) -> None:
    spelled = SPELLINGS[name](secret)
    scrubbed = scrub(f"stored «{spelled}» in the vault", Secret(secret))
    assert MARK in scrubbed
    assert scrubbed.startswith("stored «")
    assert scrubbed.endswith("» in the vault")
    # What is left of the spelling is what is around the secret in it, or under a run.
    assert len(scrubbed) < len("stored «» in the vault") + len(MARK) * 3 + 30
    assert not runs(scrubbed) & runs(secret)


def test_an_encoding_is_gone_but_for_what_it_shares_with_its_surroundings() -> None:
    encoded = base64.b64encode(b"u:" + CANARY.encode() + b"\n").decode()
    scrubbed = scrub(encoded, Secret(CANARY))
    assert scrubbed == f"{encoded[:3]}{MARK}{encoded[-4:]}"


def test_pieces_of_eight_go_and_shorter_ones_stay() -> None:
    secret = Secret("ABCDEFGHIJKLMNOP")
    assert scrub("at CDEFGHIJ.", secret) == f"at {MARK}."
    assert scrub("at CDEFGHI.", secret) == "at CDEFGHI."
    assert scrub("ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP", secret) == MARK


def test_a_short_secret_goes_only_whole() -> None:
    assert scrub("pin 4711, 471", Secret("4711")) == f"pin {MARK}, 471"
    assert scrub("a man", Secret("a")) == f"{MARK} m{MARK}n"


def test_other_text_stays_as_it_is() -> None:
    text = "Error: \x1b[31mno such vault\x1b[0m\n\tcode 403, id 0123456\N{SNOWMAN}"
    assert scrub(text, Secret(CANARY)) == text


def in_between(text: str, filler: str, step: int = 1) -> str:
    return filler.join(text[start : start + step] for start in range(0, len(text), step))


FILLERS = {
    "colour": "\x1b[38;5;196m",
    "a one-byte CSI": "\x9b1m",
    "OSC": "\x1b]8;;http://example.com/\x1b\\",
    "OSC ended by BEL": "\x1b]0;title\x07",
    "DCS": "\x1bPq#0\x1b\\",
    "a charset": "\x1b(B",
    "NUL": "\0",
    "backspaces": "\x08",
    "newlines": "\r\n",
    "an indented wrap": "\n      ",
    "a table": " │\n│ ",
    "an ASCII table": " |\n| ",
    "zero width": "\u200b",
    "bidi": "\u202e",
    "what cleaning leaves": "\ufffd",
}


@pytest.mark.parametrize("step", [1, 3, 7])
@pytest.mark.parametrize("spelling", ["raw", "hex", "base64 after one byte"])
@pytest.mark.parametrize("filler", FILLERS)
def test_what_is_put_in_between_does_not_save_it(filler: str, spelling: str, step: int) -> None:
    written = in_between(SPELLINGS[spelling](CANARY), FILLERS[filler], step)
    scrubbed = scrub(f"before {written} after", Secret(CANARY))
    assert MARK in scrubbed
    assert len(scrubbed) < len(f"before {MARK} after") + 12 + 4 * len(FILLERS[filler])
    for text in (scrubbed, clean_lines(scrubbed)):
        for sign in FILLERS[filler], "\ufffd", "\n", " ":
            assert not runs(text.replace(sign, "")) & runs(CANARY)


def test_a_secret_in_a_sequence_goes_too() -> None:
    for text in (f"\x1b]52;c;{CANARY}\x07", f"\x1b]8;;http://x/{in_between(CANARY, '%0A ', 9)}"):
        assert not runs(scrub(text, Secret(CANARY))) & runs(CANARY)


@pytest.mark.parametrize("secret", ["[the key]", "abc[the key", "y]12345678", "xx[the k"])
def test_a_secret_that_is_like_the_mark_is_not_put_together_by_it(secret: str) -> None:
    for before in (secret, secret[:3]):
        scrubbed = scrub(f"{before}{secret}12345678", Secret(secret))
        assert not runs(scrubbed) & runs(secret)


def test_much_text_takes_no_quadratic_time() -> None:
    for text in ("\x1b]" * 60_000, "\x1b[" * 60_000, "1;" * 60_000, CANARY[:9] * 12_000):
        assert not runs(scrub(text, Secret(CANARY))) & runs(CANARY)


SECRETS = st.one_of(
    st.text(min_size=8, max_size=60),
    st.text("ab", min_size=8, max_size=20),
    st.text("[the key]", min_size=8, max_size=20),
    st.from_regex(r"[A-Za-z0-9_-]{8,60}", fullmatch=True),
)


@st.composite
def writings(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and a text with pieces and spellings of it, and with other things."""
    secret = draw(SECRETS)
    cuts = st.builds(
        lambda start, end: secret[min(start, end) : max(start, end)],
        st.integers(0, len(secret)),
        st.integers(0, len(secret)),
    )
    spelled = st.sampled_from(sorted(SPELLINGS)).map(lambda name: SPELLINGS[name](secret))
    filled = st.sampled_from(sorted(FILLERS)).map(lambda name: in_between(secret, FILLERS[name]))
    parts = draw(st.lists(st.one_of(cuts, spelled, filled, st.text(max_size=12)), max_size=8))
    return secret, "".join(parts)


@settings(deadline=None)
@given(writings())
def test_no_run_of_any_secret_survives(writing: tuple[str, str]) -> None:
    secret, text = writing
    once = scrub(text, Secret(secret))
    assert not runs(once) & runs(secret)
    cleaned = scrub(clean_lines(once), Secret(secret))
    assert not runs(cleaned) & runs(secret)


@settings(deadline=None)
@given(st.from_regex(r"[A-Za-z0-9_-]{24,60}", fullmatch=True), st.text(), st.text(), st.data())
def test_no_spelling_of_any_key_survives(
    secret: str, before: str, after: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["hex", "upper-case hex", "percent", "JSON", "all percent"]))
    spelled = SPELLINGS[name](secret)
    scrubbed = scrub(before + spelled + after, Secret(secret))
    assert not runs(scrubbed) & runs(secret)
    assert spelled not in scrubbed
    # The characters that no byte around the secret has a part in.
    shift = data.draw(st.integers(0, 2))
    encoded = base64.b64encode(b"?" * shift + secret.encode() + b"?" * shift).decode()
    sure = encoded[-(-shift * 8 // 6) : (shift + len(secret)) * 8 // 6]
    assert sure in encoded
    assert not runs(scrub(before + encoded + after, Secret(secret))) & runs(sure)
