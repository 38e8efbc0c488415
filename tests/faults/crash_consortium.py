"""The long run of faults on real ledgers: kills and stops under load for as long as asked, by a seed.

make crash-consortium
python -m tests.faults.crash_consortium --minutes 20 --seed 7
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from random import Random

from tests.engines import BOTH, Ledgers, Networks, end_as_interrupted
from tests.faults.consortium_load import Load
from tests.faults.consortium_strikes import KINDS, Outcome, perform, strike

CALM_S = 1.0
"""Between two strikes: recovery is measured from strike to acknowledgement, not from the one before."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash_consortium", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="taken at random, and printed, if not given")
    options = parser.parse_args()
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    end_as_interrupted()
    folder = Path(tempfile.mkdtemp(prefix="wuxin-crash-"))
    networks = Networks(folder)
    try:
        asyncio.run(strikes(networks.founded(BOTH), Random(seed), options.minutes * 60))
    except BaseException:
        print(f"the processes' logs are below {folder}", flush=True)
        raise
    finally:
        networks.down()
    shutil.rmtree(folder)


async def strikes(ledgers: Ledgers, random: Random, seconds: float) -> None:
    """Strike after strike until the time is over, then count."""
    async with ledgers.everybody() as parties:
        load = Load(ledgers, parties["warehouse"], parties["bank"], secrets.token_hex(4).upper())
        await load.start()
        until_s, outcomes = time.monotonic() + seconds, list[Outcome]()
        for number in itertools.count():
            if time.monotonic() > until_s:
                break
            wanted = strike(ledgers, random, random.choice(("kill", "pause")), KINDS[number % len(KINDS)])
            print(f"{wanted.act} {wanted.kind} …", flush=True)
            outcomes.append(await perform(ledgers, load, wanted))
            print(outcomes[-1], flush=True)
            await asyncio.sleep(CALM_S)
        await load.stop()
        await load.check()
        tell(load, outcomes)


def tell(load: Load, outcomes: list[Outcome]) -> None:
    """What was done, and the worst of each kind."""
    print(f"{load.count('facts')} facts and {load.count('obligations')} obligations: none lost, none doubled")
    print(f"answered after more than one try: {sum(each.tries > 1 for each in load.answered)}")
    for kind in KINDS:
        found = [each.acknowledged_s for each in outcomes if each.strike.kind == kind]
        if found:
            print(f"{kind}: {len(found)} strikes, acknowledged again after {max(found):.1f} s at most")


if __name__ == "__main__":
    main()
