"""Opens an HTML page in the browser."""

import sys
from pathlib import Path


def open_page(page: Path) -> None:
    """Opens the page, or prints what to do if there is no browser."""
    import webbrowser  # takes a quarter of the time of --help

    if not webbrowser.open(page.as_uri()):
        print(
            "regpipe: no browser was found on this machine; open the file above in a browser.",
            file=sys.stderr,
        )
