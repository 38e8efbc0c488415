"""`python -m network.bringup.supervisor HOME`: returns when a supervisor runs for this home."""

import sys
from pathlib import Path

from network.bringup.supervisor.process import main

if __name__ == "__main__":
    main(Path(sys.argv[1]))
