"""What the painter sends leaves a terminal with the same screen as Textual's own drawing does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator

import pyte
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, InlineUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from pulsapi_tui.ui.erasing import erases_in_colour
from pulsapi_tui.ui.painter import Painter

WIDTH, HEIGHT = 24, 6
_STYLES = [
    None,
    *map(
        Style.parse,
        (
            "bold",
            "bold dim",
            "dim",
            "italic underline",
            "reverse",
            "strike on #203040",
            "#102030 on #405060",
            "#102030",
            "bold #a0b0c0 on #405060",
            "red on bright_blue",
            "bright_red on default",
            "color(200) on color(17)",
            "default on #405060",
        ),
    ),
]
_BLANKS = st.integers(1, WIDTH).map(lambda count: " " * count)
_TEXTS = st.text(alphabet="ab  │●é…", min_size=1, max_size=WIDTH) | _BLANKS
_SEGMENT = st.tuples(_TEXTS, st.sampled_from(_STYLES)).map(lambda pair: Segment(*pair))
_SEGMENTS = st.lists(_SEGMENT, min_size=1, max_size=4)


def _strip(segments: list[Segment], width: int = WIDTH) -> Strip:
    return Strip(segments).adjust_cell_length(width)


_LINES = st.lists(_SEGMENTS.map(_strip), min_size=HEIGHT, max_size=HEIGHT)


@st.composite
def _updates(draw: st.DrawFn) -> LayoutUpdate | ChopsUpdate:
    if draw(st.booleans()):
        return LayoutUpdate([[strip] for strip in draw(_LINES)], Region(0, 0, WIDTH, HEIGHT))
    cut = draw(st.integers(1, WIDTH - 1))
    lines = draw(_LINES)
    chops = [{0: strip.crop(0, cut), cut: strip.crop(cut, WIDTH)} for strip in lines]
    ends = [[cut, WIDTH]] * HEIGHT
    spans = [
        (y, x1, draw(st.integers(x1 + 1, WIDTH)))
        for y in sorted(draw(st.sets(st.integers(0, HEIGHT - 1), min_size=1)))
        for x1 in [draw(st.integers(0, WIDTH - 1))]
    ]
    return ChopsUpdate(chops, spans, ends)


def _screen() -> tuple[pyte.Screen, pyte.Stream]:
    screen = pyte.Screen(WIDTH, HEIGHT)
    return screen, pyte.Stream(screen)


def _seen(screen: pyte.Screen) -> Iterator[list[object]]:
    for row in range(HEIGHT):
        cells = [screen.buffer[row][column] for column in range(WIDTH)]
        yield [
            # Of a space, only what is behind it is seen, and what lies on it.
            cell._replace(fg="", bold=False, italics=False) if cell.data == " " else cell
            for cell in cells
        ]


_CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")


@pytest.mark.parametrize("erases", [False, True])
@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(updates=st.lists(_updates(), min_size=1, max_size=6))
def test_a_terminal_shows_what_textual_would_have_drawn(
    updates: list[LayoutUpdate | ChopsUpdate], *, erases: bool
) -> None:
    painter = Painter(erases=erases)
    (painted, painted_stream), (drawn, drawn_stream) = _screen(), _screen()
    for update in updates:
        painted_stream.feed(painter.paint(update, WIDTH, ColorSystem.TRUECOLOR))
        # pyte wraps at the right edge only with the next letter: no line feed is to follow it.
        drawn_stream.feed(update.render_segments(_CONSOLE).replace("\n", ""))
        assert list(_seen(painted)) == list(_seen(drawn))
        assert painter.paint(update, WIDTH, ColorSystem.TRUECOLOR) == ""


def _whole(*texts: str) -> LayoutUpdate:
    lines: list[Iterable[Strip]] = [[_strip([Segment(text)])] for text in texts]
    return LayoutUpdate(lines, Region(0, 0, WIDTH, len(texts)))


def test_only_what_differs_is_sent() -> None:
    painter = Painter()
    painter.paint(_whole("a name", "another"), WIDTH, ColorSystem.TRUECOLOR)
    painted = painter.paint(_whole("a game", "another"), WIDTH, ColorSystem.TRUECOLOR)
    assert painted == "\x1b[1;3Hg"


def test_long_blanks_are_erased_where_the_terminal_fills_them_with_the_background() -> None:
    line = [Segment("a" + " " * 13 + "b", Style.parse("on #102030"))]
    update = LayoutUpdate([[_strip(line)]], Region(0, 0, WIDTH, 1))
    painted = Painter(erases=True).paint(update, WIDTH, ColorSystem.TRUECOLOR)
    assert painted == "\x1b[1;1H\x1b[48;2;16;32;48ma\x1b[13X\x1b[15Gb\x1b[49m\x1b[K"


def test_what_is_seen_on_blanks_is_not_erased() -> None:
    for seen in ("reverse", "underline", "strike"):
        update = LayoutUpdate(
            [[Strip([Segment(" " * WIDTH, Style.parse(seen))])]], Region(0, 0, WIDTH, 1)
        )
        assert " " * WIDTH in Painter(erases=True).paint(update, WIDTH, ColorSystem.TRUECOLOR)


@pytest.mark.parametrize(
    "environment", [{"TERM": "xterm-256color", "STY": "1.pts"}, {"TERM": ""}, {}]
)
def test_nothing_is_erased_where_it_is_not_sure(environment: dict[str, str]) -> None:
    assert not erases_in_colour(environment)


@pytest.mark.parametrize(
    ("term", "expected"),
    [("xterm-256color", "True"), ("screen-256color", "False"), ("no-such-terminal", "False")],
)
def test_terminfo_says_whether_a_terminal_erases_in_colour(term: str, expected: str) -> None:
    # Of a process of its own: curses reads terminfo once.
    code = (
        "import os; from pulsapi_tui.ui.erasing import erases_in_colour\n"
        "print(erases_in_colour(os.environ))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TERM": term},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == expected


def test_what_was_forgotten_is_sent_again() -> None:
    painter = Painter()
    whole = painter.paint(_whole("a name"), WIDTH, ColorSystem.TRUECOLOR)
    assert painter.paint(_whole("a name"), WIDTH, ColorSystem.TRUECOLOR) == ""
    painter.forget()
    assert painter.paint(_whole("a name"), WIDTH, ColorSystem.TRUECOLOR) == whole


def test_another_width_is_another_screen() -> None:
    painter = Painter()
    painter.paint(_whole("a name"), WIDTH, ColorSystem.TRUECOLOR)
    assert "a name" in painter.paint(_whole("a name"), WIDTH + 1, ColorSystem.TRUECOLOR)


@pytest.mark.parametrize("wide", ["日本", "👩‍💻", "e\N{COMBINING ACUTE ACCENT}", "🇩🇪"])
def test_a_line_on_which_terminals_differ_is_written_whole_and_each_part_in_its_place(
    wide: str,
) -> None:
    painter = Painter()
    painter.paint(_whole("plain"), WIDTH, ColorSystem.TRUECOLOR)
    for before, after in (("x", "y"), ("y", "z")):
        line = [Segment(before), Segment(wide), Segment(" tail")]
        painter.paint(
            LayoutUpdate([[_strip(line)]], Region(0, 0, WIDTH, 1)), WIDTH, ColorSystem.TRUECOLOR
        )
        line[0] = Segment(after)
        painted = painter.paint(
            LayoutUpdate([[_strip(line)]], Region(0, 0, WIDTH, 1)), WIDTH, ColorSystem.TRUECOLOR
        )
        column = Strip(line[:2]).cell_length + 1
        assert painted.startswith(f"\x1b[1;1H{after}{wide}\x1b[1;{column}H tail")


def test_what_was_wide_is_written_over_whole() -> None:
    painter = Painter()
    painter.paint(_whole("日本 tail"), WIDTH, ColorSystem.TRUECOLOR)
    painted = painter.paint(_whole("plain tail"), WIDTH, ColorSystem.TRUECOLOR)
    assert "plain tail" in painted


def test_an_update_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError):
        Painter().paint(InlineUpdate([]), WIDTH, ColorSystem.TRUECOLOR)
