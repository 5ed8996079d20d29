"""Styles that are parsed once."""

from __future__ import annotations

from textual.css.stylesheet import Stylesheet


class KeptStylesheet(Stylesheet):
    """Parses only the sources that are new.

    Textual parses all of them whenever a dialog opens for the first time, since it does so in
    another stylesheet, which has nothing yet: 20 ms. The colours are no reason: a change of theirs
    throws away what was parsed.
    """

    def reparse(self) -> None:
        """Take in new sources and new colours; after an error, all is as before."""
        self.parse()
