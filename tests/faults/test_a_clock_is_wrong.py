"""The clock of the machine from which one looks is off by 20 minutes.

That a client with such a clock is refused is tested beside the other refusals, in tests/scenarios. A peer or an orderer
alone cannot be given another time on this machine: its programs ask the kernel, which has one time for all.
"""

import asyncio
import re
import time
from types import SimpleNamespace

import pytest

from network.bringup.fabric.network import doctor
from tests.engines import FABRIC, Ledgers, on

OFF_S = 20 * 60


@on(FABRIC)
@pytest.mark.parametrize(("off_s", "words"), [(OFF_S, "ahead of"), (-OFF_S, "behind")])
async def test_the_doctor_names_this_machine_and_by_how_much_it_is_off(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch, off_s: int, words: str
) -> None:
    shifted = SimpleNamespace(time_ns=lambda: time.time_ns() + off_s * 10**9)
    monkeypatch.setattr("network.bringup.fabric.doctor.time", shifted)
    (finding,) = await asyncio.to_thread(doctor, ledgers.network_home, ledgers.consortium)
    assert (finding.severity, finding.place) == ("error", "this machine"), finding
    by = rf"its clock is (19 min 5[89]|20 min [012]) s {words} those of all 9 nodes"
    assert re.fullmatch(by, finding.detail) and "NTP" in finding.hint, finding
