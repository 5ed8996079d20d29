"""The program, with a bug in it: run by a test as a script, with the place of the bug."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pulsapi_tui import cli
from pulsapi_tui.delivery.env_file import EnvFileSink
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.ui.screens.reveal_key import RevealKeyScreen


def _on_a_key_press(screen: RevealKeyScreen) -> None:
    in_a_local = screen._created.secret.reveal()  # noqa: SLF001
    try:
        raise KeyError(len(in_a_local))
    except KeyError as error:
        raise ZeroDivisionError("a bug") from error


def _in_a_delivery(sink: EnvFileSink, secret: Secret, values: Mapping[str, str]) -> None:
    in_a_local = secret.reveal()
    raise ZeroDivisionError(f"a bug after {len(in_a_local)} characters")


if __name__ == "__main__":
    match sys.argv[1]:
        case "shown":
            setattr(RevealKeyScreen, "action_verify", _on_a_key_press)  # noqa: B010
        case "delivering":
            setattr(EnvFileSink, "deliver", _in_a_delivery)  # noqa: B010
    sys.exit(cli.main([]))
