"""The least that a Textual app can be: one line of text."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Minimal(App[None]):
    """One line."""

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static("A minimal Textual app, and nothing but that.")


if __name__ == "__main__":
    Minimal().run()
