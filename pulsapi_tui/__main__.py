"""`python -m pulsapi_tui`."""

import sys

from pulsapi_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
