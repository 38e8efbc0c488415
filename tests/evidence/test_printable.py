"""Whoever is quoted writes neither to the terminal nor to the log: one function, at every output."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from network.bringup.fabric.doctor.findings import Finding, as_text
from node.cli.audit import Audit, _told
from node.demo.founding import found
from node.demo.steps import Step, StepLog
from oracle.storage.cipher import StorageCipher
from oracle.storage.quarantine import QUARANTINE_FILE, Quarantine
from tests.evidence.bundle_maker import Consortium
from wuxin_evidence.encoding.canonical import canonical_json
from wuxin_evidence.printable import CUT, LineFormatter, printable

FORGED = "scale\x1b[2J\x1b[1;31m\r\n  ok       signatures\nvalid\u2028valid\x9b31m\u202e7-elacs\u200b"
"""What a topic, a name or an endpoint's words may hold: a cleared screen, lines like ours, a name turned around."""
SHOWN = r"scale\x1b[2J\x1b[1;31m\r\n  ok       signatures\nvalid\u2028valid\x9b31m\u202e7-elacs\u200b"


def is_clean(told: str) -> bool:
    return all(each.isprintable() for each in told.split("\n"))


def test_every_character_that_does_not_show_itself_is_escaped() -> None:
    assert printable(FORGED) == SHOWN
    assert printable("仓单 bin-16 «阴极铜» é 1 000 €".replace("\xa0", " ")) == "仓单 bin-16 «阴极铜» é 1 000 €"


@pytest.mark.parametrize(
    "hidden", "\0\x7f\x85\u061c\u200d\u2066\u2029\ufeff\u3164\ufe0f\ud800\U000e0041\ufffc\u2800\U0001d159\u0378"
)
def test_it_is_shown_by_its_number(hidden: str) -> None:
    shown = printable(f"a{hidden}b")
    assert shown.isprintable() and shown.startswith("a\\") and shown.endswith("b")


def test_a_long_text_is_cut_and_says_so() -> None:
    assert printable("a" * 3_000) == "a" * 2_000 + CUT
    assert printable("\0" * 9, 3) == r"\x00\x00\x00" + CUT


def test_a_long_record_is_cut_in_its_middle_because_its_end_names_the_error() -> None:
    trace = "Traceback" + "\n  File" * 1_000 + "\nRejected: the profile is missing"
    line = LineFormatter().format(logging.LogRecord("node", logging.ERROR, "", 1, trace, (), None))
    assert "ERROR Traceback" in line and CUT in line and line.endswith(r"\nRejected: the profile is missing")
    assert "\n" not in line and len(line) < 3_000


def wuxin(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from node.cli.main import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def consortium() -> Consortium:
    return Consortium()


def a_bundle(consortium: Consortium, folder: Path) -> tuple[Path, Path]:
    """A bundle whose endpoint, log and device names are forged, and a trust file."""
    unproven = {"transaction": FORGED, "block": 1, "block_hash": "00", "why": FORGED}
    members = {name: raw for name, raw in consortium.members.items() if not name.startswith("obligations/")}
    members |= {"obligations/unproven.json": canonical_json(unproven)}
    members["log/checkpoint"] = members["log/checkpoint"].replace(b"wuxin/", b"wuxin\x1b[2J\xc2\x9b/", 1)
    bundle, trust = folder / "bundle.zip", folder / "trust.json"
    bundle.write_bytes(consortium.bundle(members))
    trust.write_text(json.dumps(consortium.trust.to_json()))
    return bundle, trust


def test_wuxin_verify_prints_no_line_of_the_bundles_own(consortium: Consortium, tmp_path: Path) -> None:
    bundle, trust = a_bundle(consortium, tmp_path)
    told = wuxin("verify", bundle, "--trust", trust)
    assert is_clean(told.stdout) and SHOWN in told.stdout, told.stdout
    lines = told.stdout.rstrip("\n").split("\n")
    assert "valid" not in lines and sum("signatures" in line and "ok" in line[:6] for line in lines) == 2
    as_json = wuxin("verify", bundle, "--trust", trust, "--json")
    assert as_json.stdout.isascii() and is_clean(as_json.stdout)
    assert any(FORGED in each["detail"] for each in json.loads(as_json.stdout)["missing"]), "a program reads it whole"


def test_a_trust_file_with_a_forged_name_is_refused_on_one_line(consortium: Consortium, tmp_path: Path) -> None:
    bundle, trust = a_bundle(consortium, tmp_path)
    trust.write_text(json.dumps({FORGED: 1, "version": FORGED}))
    told = wuxin("verify", bundle, "--trust", trust)
    assert told.returncode == 3 and is_clean(told.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("printable") / "home"
    found(home)
    return home


def test_wuxin_quarantine_ls_prints_one_line_for_each_refused_pack(home: Path) -> None:
    folder = home / "orgs" / "bank" / "oracle"
    folder.mkdir(parents=True, exist_ok=True)
    quarantine = Quarantine(folder / QUARANTINE_FILE, StorageCipher(bytes(16)))
    for topic in (f"wuxin/1/{FORGED}/packs", "wuxin/1/a\nbank  1  fake  row/packs"):
        quarantine.put(b"junk", topic, "malformed", f"the name {FORGED}", 1)
    quarantine.flush()
    quarantine.close()
    told = wuxin("quarantine", "ls", "--home", home)
    assert told.returncode == 0 and is_clean(told.stdout), told.stderr
    assert len(told.stdout.splitlines()) == 2 and all(SHOWN in line for line in told.stdout.splitlines()[:1])
    as_json = wuxin("quarantine", "ls", "--home", home, "--json")
    assert as_json.stdout.isascii() and len(as_json.stdout.splitlines()) == 2


def test_wuxin_doctor_prints_no_line_of_anothers(home: Path) -> None:
    (home / "run").mkdir(exist_ok=True)
    running = {"api": "http://127.0.0.1:1", "mqtt": "127.0.0.1:1", "pids": {FORGED: 2**22 + 1}, "nodes": {}}
    (home / "run" / "endpoints.json").write_text(json.dumps(running))
    (home / "trust.json").write_text(json.dumps({FORGED: 1}))
    keys = home / "orgs" / "bank" / "api-keys.json"
    held = json.loads(keys.read_text("utf-8"))
    held["keys"][FORGED] = {"key": "wx_none", "expires_at_s": 0}
    keys.write_text(json.dumps(held))
    told = wuxin("doctor", "--home", home)
    assert is_clean(told.stdout) and SHOWN in told.stdout, told.stdout + told.stderr
    assert wuxin("doctor", "--home", home, "--json").stdout.isascii()


def test_a_named_error_is_told_on_lines_of_our_own(home: Path) -> None:
    told = wuxin("device", "new", f"a{FORGED}", "--home", home)
    assert told.returncode and is_clean(told.stderr) and "Traceback" not in told.stderr


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    logger, told = logging.Logger("test"), io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(LineFormatter())
    logger.addHandler(handler)
    yield logger, told


def test_a_log_record_is_one_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, told = log
    logger.warning("refused a pack of %s", FORGED)
    assert told.getvalue().count("\n") == 1 and told.getvalue().endswith(f" WARNING refused a pack of {SHOWN}\n")


def test_in_a_trace_nothing_but_the_record_begins_a_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, told = log
    try:
        raise ValueError(f"no topic {FORGED}")
    except ValueError:
        logger.exception("failed")
    first, *trace = told.getvalue().rstrip("\n").split("\n")
    assert first.endswith(" ERROR failed") and is_clean(told.getvalue())
    assert len(trace) > 3 and all(line.startswith("    ") for line in trace)


@pytest.mark.parametrize("program", ["node", "oracle", "chaincode.server"])
def test_every_program_that_logs_writes_its_log_in_such_lines(program: str) -> None:
    """Each module is started as a command and logs a stranger's words after its options were read."""
    script = (
        "import logging, runpy, sys\n"
        "real = logging.basicConfig\n"
        "def configured(**options):\n"
        "    real(**options)\n"
        f"    logging.getLogger('wuxin').error('%s', {FORGED!r})\n"
        "    sys.exit(0)\n"
        "logging.basicConfig = configured\n"
        f"sys.argv = ['program', '--home', '/', '--org', 'bank', '--api', 'http://a', '--mqtt', 'a:1']\n"
        f"runpy.run_module({program!r}, run_name='__main__')\n"
    )
    if program == "node":
        script = script.replace(", '--api', 'http://a', '--mqtt', 'a:1'", "")
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert told.stderr.count("\n") == 1 and told.stderr.endswith(f" ERROR {SHOWN}\n"), told.stderr


def test_the_demo_and_the_networks_doctor_print_each_act_and_finding_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    log = StepLog(as_json=False)
    log.say(FORGED)
    log.show(Step("draw", "e1", "0x12", FORGED, None, "2026-01-01T00:00:00Z"))
    told = capsys.readouterr().out
    assert told.count("\n") == 2 and is_clean(told)
    assert as_text([Finding("error", "peer.bank", FORGED, FORGED)]).count("\n") == 1


def test_wuxin_audit_prints_no_line_of_the_ledgers_own() -> None:
    audited = Audit()
    audited.findings.missing.append(FORGED)
    audited.facts_ahead.append(FORGED)
    assert is_clean(_told(audited)) and _told(audited).count("\n") == 2
