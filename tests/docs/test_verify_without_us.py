"""The shell blocks of docs/operating/verify-without-us.md, run as they stand on a bundle that our code made."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import read, shell_block
from tests.evidence.bundle_maker import DEVICE, NOON_S, Consortium
from wuxin_evidence.bundle.archive import read_bundle, write_bundle
from wuxin_evidence.bundle.members import DeviceKey, log_members, pack_members
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.fabric import COMMON, parse
from wuxin_evidence.packs.pack import parse_pack, sign_pack
from wuxin_evidence.packs.senml import Reading

PAGE = "operating/verify-without-us.md"
ORDER = re.findall(r"^```sh\n# (.+)$", read(PAGE), re.MULTILINE)

COMMITTEE = "check the committee's signatures"
LEDGERS = ORDER[ORDER.index(COMMITTEE) :]
GOLDEN = Path(__file__).parents[1] / "evidence" / "golden"
REAL = Trust.parse((GOLDEN / "trust.json").read_bytes())

pytestmark = pytest.mark.engine("openssl")


class Auditor:
    """Somebody with a shell, a bundle and a trust file, and nothing of ours on the path."""

    def __init__(self, folder: Path, trust: Trust, bundle: bytes) -> None:
        self.folder = folder
        folder.mkdir()
        kept = folder.parent / "kept"
        kept.mkdir()
        (kept / "evidence.zip").write_bytes(bundle)
        (kept / "trust.json").write_text(json.dumps(trust.to_json()))
        self._environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(folder),
            "BUNDLE": str(kept / "evidence.zip"),
            "TRUST": str(kept / "trust.json"),
            "CONSORTIUM": trust.consortium_id.hex(),
        }

    def run(self, *titles: str) -> str:
        """Everything the blocks print. Raises CalledProcessError where one does not hold."""
        said = ""
        for title in titles:
            done = subprocess.run(
                ["sh", "-eu", "-c", shell_block(read(PAGE), title)],
                cwd=self.folder, env=self._environment, check=True, capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            said += done.stdout
        return said


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


@pytest.fixture
def auditor(tmp_path: Path, consortium: Consortium) -> Auditor:
    return Auditor(tmp_path / "auditor", consortium.trust, consortium.bundle())


def test_the_page_has_its_blocks_in_this_order():
    assert ORDER == [
        "unpack",
        "write down what each device signed",
        "check every signature with openssl",
        "check one SM2 signature the other way",
        "check inclusion and packRoot",
        "check the checkpoint's signature",
        "check the committee's signatures",
        "read protobuf",
        "write down what each orderer signed",
        "check every orderer's signature with openssl",
        "follow the headers to the transaction and its result",
        "write down what each validator voted for",
        "check every vote with openssl",
    ]


def test_every_block_holds_on_a_bundle_of_ours(auditor, consortium):
    said = auditor.run(*ORDER)
    assert said.count("Verified OK") == len(consortium.packs) + 2
    assert said.count("Signature Verified Successfully") == len(consortium.packs)
    assert "3 packs are in wuxin/bank/packs" in said
    assert "signed by bank, insurer; 2 are needed" in said
    assert "1 orderers signed; 1 are needed" in said


@pytest.mark.parametrize("suite", ["es256", "eddsa"])
def test_the_other_suites_are_verified_by_openssl_too(suite, tmp_path, consortium):
    key = SigningKey.generate(suite)
    reading = Reading("mass_kg", 7, "kg", NOON_S * 1000)
    signed = sign_pack(key, consortium.consortium_id, DEVICE, 1, 1, [reading])
    members = pack_members([parse_pack(signed, consortium.consortium_id)], {DEVICE: DeviceKey(suite, key.public_key)})
    said = Auditor(tmp_path / "auditor", consortium.trust, consortium.bundle(members)).run(*ORDER[:3])
    assert "Verified" in said


def changed(consortium: Consortium, name: str, change) -> bytes:
    """A bundle whose manifest fits, but one of whose members was changed before it was made."""
    return consortium.bundle(consortium.members, **{name: change(consortium.members[name])})


def another_pack(consortium: Consortium) -> bytes:
    """The readings of another hand under the name of a pack: same content, signed by a stranger."""
    honest = consortium.packs[1]
    return consortium.pack(honest.seq, NOON_S + 60, SigningKey.generate("sm2-sm3")).envelope


def test_a_pack_that_a_stranger_signed_is_found(tmp_path, consortium):
    name = f"packs/{consortium.packs[1].digest.hex()}.cose"
    auditor = Auditor(tmp_path / "auditor", consortium.trust, consortium.bundle(**{name: another_pack(consortium)}))
    auditor.run(*ORDER[:2])
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        auditor.run(ORDER[2])
    assert "Verification failure" in refusal.value.stdout + refusal.value.stderr


def test_a_file_that_was_changed_after_the_bundle_was_made_is_found(auditor):
    auditor.run(ORDER[0])
    (auditor.folder / "profile.json").write_bytes(b"{}")
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(
            ["sha256sum", "--check", "--strict", "sums"], cwd=auditor.folder, check=True, capture_output=True
        )


def test_an_attestation_with_another_value_is_found(tmp_path, consortium):
    bundle = changed(consortium, "attestation.json", lambda raw: raw.replace(b'"1003000"', b'"1003001"'))
    auditor = Auditor(tmp_path / "auditor", consortium.trust, bundle)
    auditor.run(*ORDER[: ORDER.index(COMMITTEE)])
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        auditor.run(COMMITTEE)
    assert "only [] signed" in refusal.value.stderr


def test_a_pack_that_is_not_in_the_log_is_found(tmp_path, consortium):
    inclusions = json.loads(consortium.members["log/inclusion.json"])
    note = consortium.members["log/checkpoint"]
    forged = log_members(note, inclusions["origin"], inclusions["size"], [])["log/inclusion.json"]
    auditor = Auditor(tmp_path / "auditor", consortium.trust, consortium.bundle(**{"log/inclusion.json": forged}))
    auditor.run(*ORDER[:4])
    with pytest.raises(subprocess.CalledProcessError):
        auditor.run(ORDER[4])


def test_a_checkpoint_with_another_root_is_found(tmp_path, consortium):
    size = str(json.loads(consortium.members["log/inclusion.json"])["size"]).encode()
    bundle = changed(consortium, "log/checkpoint", lambda raw: raw.replace(b"\n" + size + b"\n", b"\n99\n", 1))
    auditor = Auditor(tmp_path / "auditor", consortium.trust, bundle)
    auditor.run(*ORDER[:4])
    with pytest.raises(subprocess.CalledProcessError):
        auditor.run(ORDER[5])


def real_bundle(**changes: bytes) -> bytes:
    """The golden bundle of a lien, from four orderers and four validators; without packs and log."""
    members = dict(read_bundle((GOLDEN / "bundle.zip").read_bytes()).members)
    changed = {name: changes.get(name.rpartition("/")[2].partition(".")[0], raw) for name, raw in members.items()}
    return write_bundle(changed, consortium_id=REAL.consortium_id, clock=REAL.clock)


def members_of(bundle: bytes) -> dict[str, bytes]:
    return dict(read_bundle(bundle).members)


def test_orderers_and_validators_of_the_real_engines_are_verified_by_openssl(tmp_path):
    said = Auditor(tmp_path / "auditor", REAL, real_bundle()).run(ORDER[0], *LEDGERS)
    assert "3 orderers signed; 3 are needed" in said
    assert "of e1 accepted the attestation" in said
    assert "4 of 4 power voted for the block" in said
    assert (said.count("Verified OK"), said.count("Signature Verified Successfully")) == (3, 4)


@pytest.mark.parametrize(
    ("member", "title"),
    [
        ("block", "check every orderer's signature with openssl"),
        ("header", "follow the headers to the transaction and its result"),
        ("result", "follow the headers to the transaction and its result"),
        ("transaction", "follow the headers to the transaction and its result"),
        ("commit", "check every vote with openssl"),
    ],
)
def test_a_byte_changed_on_a_real_ledger_is_found(member, title, tmp_path):
    raw = next(raw for name, raw in members_of(real_bundle()).items() if name.endswith(f"/{member}.pb"))
    at = len(raw) - 9
    if member == "block":
        signatures = parse(COMMON.Metadata, parse(COMMON.Block, raw).metadata.metadata[0]).signatures
        at = raw.rindex(signatures[0].signature) + 9
    forged = bytearray(raw)
    forged[at] ^= 1
    auditor = Auditor(tmp_path / "auditor", REAL, real_bundle(**{member: bytes(forged)}))
    auditor.run(ORDER[0], *LEDGERS[: LEDGERS.index(title)])
    with pytest.raises(subprocess.CalledProcessError):
        auditor.run(title)
