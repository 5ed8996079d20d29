"""How a profile is marked: production above all, or a colour; both are said in words, too."""

from __future__ import annotations

from pulsapi_tui.domain.profiles import Colour, Profile

_STYLES: dict[Colour, str] = {
    Colour.RED: "bold #ffffff on #b3203c",
    Colour.YELLOW: "bold #1c1400 on #e0af68",
    Colour.GREEN: "bold #06210d on #7fd88f",
    Colour.BLUE: "bold #ffffff on #2f5fd0",
    Colour.PURPLE: "bold #ffffff on #7d4cc0",
}


def mark(profile: Profile) -> tuple[str, str] | None:
    """The mark and its style, for a sentence; None where the profile has none."""
    if profile.production:
        colour = Colour.RED if profile.colour is Colour.NONE else profile.colour
        return f" ▲ PRODUCTION {profile.name}{_said(profile.colour)} ", _STYLES[colour]
    if profile.colour is not Colour.NONE:
        return f" ■ {profile.name}{_said(profile.colour)} ", _STYLES[profile.colour]
    return None


def _said(colour: Colour) -> str:
    """The colour's name: it may be the one thing that tells two profiles apart."""
    return "" if colour is Colour.NONE else f" · {colour.value}"


def named(profile: Profile) -> tuple[str, str]:
    """The mark, or the plain name."""
    return mark(profile) or (profile.name, "bold $secondary")
