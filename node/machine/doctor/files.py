"""What the doctor sees without anything running: the files of a home, and the machine that they are on."""

import datetime
import json
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from cryptography import x509

from network.clock import open_clock
from network.membership.consortium import Consortium, Organisation
from network.membership.homes import home_of
from node.machine.doctor.finding import Finding
from oracle.profile import Profile, profile_file
from oracle.sources.prices import PRICE_FILE, PriceSource
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.crypto.suites import sm2_providers
from wuxin_evidence.errors import EvidenceError

DISK_FREE_MIN_BYTES = 1 << 30
"""Both ledgers and the evidence log write before they acknowledge: with less than this an operator should be told."""
SECRETS = ("orgs/*/keys/*", "orgs/*/api-keys.json", "orgs/*/passphrase", "devices/*.pem")
WRITTEN = ("ledger/*", "local.db*", "readmodel.db*", "run/*.log")
"""Files that this machine writes all the time; one of them from the future shows a clock that was set back."""
CLOCK_BACK_MAX_S = 60
"""As far as the chaincode server lets a proposal be from its own clock."""
KEY_WARNING_DAYS, CERTIFICATE_WARNING_DAYS = 7, 30
"""Time to hand out new keys; to have certificates issued and distributed."""
DAY_S = 86_400


def examine(home: Path, consortium: Consortium) -> Iterator[Finding]:
    """Everything about the files of a home and the machine under it."""
    yield from _signatures()
    yield from _secrets(home)
    yield from _trust(home)
    for organisation in consortium.organisations:
        yield from _certificates(home, organisation.name)
        yield from _api_keys(home, organisation.name)
        yield from _price(home, consortium, organisation)
    yield from _disk(home)
    yield from _clock(home)


def _signatures() -> Iterator[Finding]:
    providers = sm2_providers()
    fast = "libcrypto" in providers
    hint = "" if fast else "install OpenSSL 3 (libcrypto.so.3): without it signatures are checked forty times slower"
    yield Finding(fast, "this machine", f"SM2 by {', '.join(providers) or 'nothing'}", hint)


def _secrets(home: Path) -> Iterator[Finding]:
    """Files with keys that others of this machine could read."""
    files = [path for below in ("", "homes/*/") for pattern in SECRETS for path in home.glob(below + pattern)]
    loose = [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in loose:
        hint = f"chmod 600 {path}, and make its keys anew if others use this machine"
        yield Finding(False, str(path), "it can be read by others", hint)
    if not loose:
        yield Finding(True, str(home), f"{len(files)} files with keys are readable by their owner only")


def _trust(home: Path) -> Iterator[Finding]:
    place = str(home / "trust.json")
    try:
        Trust.parse((home / "trust.json").read_bytes())
        yield Finding(True, place, "it can be read; give it to auditors by another way than bundles")
    except (OSError, EvidenceError) as problem:
        yield Finding(False, place, f"it cannot be read: {problem}", "copy it from another member of the consortium")


def _certificates(home: Path, org: str) -> Iterator[Finding]:
    """Certificates of an organisation that have run out, or will soon."""
    now = datetime.datetime.now(datetime.UTC)
    for path in sorted((home_of(home, org) / "orgs" / org / "certificates").glob("*.pem")):
        try:
            ends = min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(path.read_bytes()))
        except (OSError, ValueError) as problem:
            yield Finding(False, str(path), f"it is no certificate: {problem}", f"copy it again from {org}")
            continue
        days = (ends - now).days
        if days < CERTIFICATE_WARNING_DAYS:
            told = f"it expired on {ends:%Y-%m-%d}" if days < 0 else f"it expires on {ends:%Y-%m-%d}, in {days} days"
            yield Finding(False, str(path), told, f"have the authority of {org} issue a new one for the same key")


def _api_keys(home: Path, org: str) -> Iterator[Finding]:
    """Keys of the HTTP API that have run out, or will soon; nothing where their file is kept elsewhere."""
    own = home_of(home, org)
    path, renew = own / "orgs" / org / "api-keys.json", f"wuxin keys issue --org {org} --home {own}"
    try:
        keys = cast(dict[str, dict[str, Any]], json.loads(path.read_text(encoding="utf-8"))["keys"])
        left_s = {name: int(key["expires_at_s"]) - time.time() for name, key in keys.items()}
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        yield Finding(False, str(path), f"it holds no keys: {problem!r}", renew)
        return
    for name, seconds in left_s.items():
        if seconds < KEY_WARNING_DAYS * DAY_S:
            told = "has expired" if seconds <= 0 else f"expires in {seconds / DAY_S:.1f} days"
            yield Finding(False, str(path), f"the key {name} of {org} {told}", renew)


def _price(home: Path, consortium: Consortium, member: Organisation) -> Iterator[Finding]:
    """The price source of an oracle member whose keys are here."""
    folder = home_of(home, member.name) / "orgs" / member.name / "oracle"
    if not member.oracle or not folder.is_dir():
        return
    place = str(folder / PRICE_FILE)
    try:
        clock = open_clock(consortium, home)
        prices = PriceSource.of(folder, consortium, Profile.load(profile_file(home)), clock).read()
    except (EvidenceError, OSError) as problem:
        hint = getattr(problem, "hint", "") or f"make it readable for the member of {member.name}"
        yield Finding(False, place, f"{member.name} attests no price: {getattr(problem, 'detail', problem)}", hint)
        return
    told = "a price can be attested" if prices else f"{member.name} has no price source and attests no price"
    yield Finding(bool(prices), place, told, "" if prices else "write one; docs/reference/profile.md has its fields")


def _disk(home: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(home).free
    enough = free >= DISK_FREE_MIN_BYTES
    hint = "" if enough else "free space: at zero nothing is acknowledged any more"
    yield Finding(enough, str(home), f"{free >> 20} MiB free", hint)


def _clock(home: Path) -> Iterator[Finding]:
    """A clock that was set back: a file of this machine is from the future."""
    written = [path for pattern in WRITTEN for path in home.glob(pattern)]
    ahead_s = max((path.stat().st_mtime for path in written), default=0.0) - time.time()
    if ahead_s > CLOCK_BACK_MAX_S:
        told = f"its clock is {ahead_s:.0f} s behind what it has written itself"
        yield Finding(False, "this machine", told, "set its clock, by NTP: proposals of another time are refused")
    else:
        yield Finding(True, "this machine", f"its clock says {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S}Z")
