"""Nothing is cut, and all text can be read, on the screens that the README does not show.

Those that it shows are looked at where their pictures are compared.
"""

from __future__ import annotations

import pytest
from rich.style import Style

from tests import looks, pictures


@pytest.mark.parametrize("name", pictures.MORE)
async def test_all_of_it_is_there_and_can_be_read(name: str) -> None:
    async with pictures.opened(name, pictures.SIZES[0]) as (app, pilot):
        assert await looks.problems(app, pilot) == []


def test_contrast_is_that_of_wcag() -> None:
    assert round(looks.contrast(Style.parse("#ffffff on #000000")), 2) == 21
    assert round(looks.contrast(Style.parse("#777777 on #ffffff")), 2) == 4.48
    assert round(looks.contrast(Style.parse("#767676 on #ffffff")), 2) == 4.54
