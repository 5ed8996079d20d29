"""What the user's settings say of the way of a key: where it can go, and by which clipboard.

The ways themselves are imported when one is asked for: the first frame comes before it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from pulsapi_tui.config.settings import RecipeSettings, Settings
from pulsapi_tui.delivery.deliveries import Deliveries
from pulsapi_tui.delivery.recorders import TerminalRecorders
from pulsapi_tui.delivery.routes import ClipboardPolicy, Route
from pulsapi_tui.domain.delivery import Field
from pulsapi_tui.domain.errors import SettingsError
from pulsapi_tui.domain.health import HealthLimits
from pulsapi_tui.domain.ports import HandOff
from pulsapi_tui.wiring.accounts import credentials_here, profiles_here

if TYPE_CHECKING:
    from pulsapi_tui.delivery.recipes import Recipe
    from pulsapi_tui.delivery.sink import Sink


def hand_off(settings: Settings) -> HandOff:
    """Ways to store a key from here, as the user's settings have them.

    Raises:
        SettingsError: a recipe of the user's own can't work.
    """
    timeout_s = settings.delivery.timeout_s
    own_recipes = [*map(_recipe, settings.delivery.recipes)]

    def find_sinks() -> Sequence[Sink]:
        from pulsapi_tui.delivery.command import CommandSink
        from pulsapi_tui.delivery.env_file import EnvFileSink
        from pulsapi_tui.delivery.recipes import RECIPES, available
        from pulsapi_tui.delivery.secret_file import SecretFileSink
        from pulsapi_tui.wiring.profile_sink import ProfileSink

        recipes = [*own_recipes, *RECIPES]
        if timeout_s is not None:
            recipes = [msgspec.structs.replace(each, timeout_s=timeout_s) for each in recipes]
        profile_sink = ProfileSink(profiles_here(), credentials_here())
        commands = [CommandSink(each, os.environ) for each in available(recipes, os.environ)]
        profiles = (profile_sink,) if profile_sink.has_any() else ()
        return (EnvFileSink(), *commands, SecretFileSink(), *profiles)

    recorders = TerminalRecorders(os.environ, sys.platform)
    return HandOff(Deliveries(find_sinks), recorders, settings.reveal.mask_after_s)


def _recipe(own: RecipeSettings) -> Recipe:
    from pulsapi_tui.delivery.recipes import Recipe, mistake

    recipe = Recipe(
        id=own.id,
        title=own.title or own.id,
        argv=own.argv,
        fields=tuple(Field(each.id, each.label, each.default) for each in own.fields),
        note=own.note,
    )
    problem = mistake(recipe)
    if problem is not None:
        raise SettingsError(f"config.toml: the recipe “{own.id}” can't work. {problem}")
    return recipe


def clipboard_policy(settings: Settings) -> ClipboardPolicy:
    """The routes of a copy, as the user's settings have them."""
    return ClipboardPolicy(
        force=tuple(map(Route, settings.clipboard.force)),
        forbid=frozenset(map(Route, settings.clipboard.forbid)),
    )


def health_limits(settings: Settings) -> HealthLimits:
    """From when on a key is worth a word, as the user's settings have it."""
    return HealthLimits(
        idle_after=timedelta(days=settings.health.idle_after_d),
        due_after=timedelta(days=settings.health.due_after_d),
    )
