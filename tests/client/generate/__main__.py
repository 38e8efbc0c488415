"""Writes the generated files that differ from what is there, and removes those that are no longer made."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.client.generate.files import document_of, generated, path_of, present


def main() -> None:
    """Makes everything anew; with `--check` only says what differs and exits with 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.client.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if anything differs")
    is_check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        wanted = generated(document_of(Path(folder)))
    there = present()
    changed = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    for name in changed:
        print(name if name in wanted else f"{name} (gone)")
        if not is_check:
            file = path_of(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[name], "utf-8") if name in wanted else file.unlink()
    if is_check and changed:
        sys.exit("these are behind the declarations: run `make generate`, and commit what it writes")


if __name__ == "__main__":
    main()
