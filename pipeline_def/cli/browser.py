"""Opens a page of HTML in the browser."""

import sys
import webbrowser
from pathlib import Path


def open_page(page: Path) -> None:
    """Opens the page; prints what to do instead where there is no browser."""
    if not webbrowser.open(page.as_uri()):
        print("regpipe: no browser was found here; open the file above in one.", file=sys.stderr)
