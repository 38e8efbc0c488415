"""What a member cannot use is logged once per change, and stands in a file that a doctor reads."""

from __future__ import annotations

import json
import logging
import queue
import threading
from pathlib import Path

import pytest

from oracle.process import NodeWatch
from oracle.sources.prices import PRICE_FILE, PriceSource
from oracle.storage import status as status_module
from oracle.storage.status import ALIVE_EVERY_S, STATUS_FILE, Status, read_alive_s, read_status
from wuxin_client.errors import Denied, Unanswered
from wuxin_evidence.attestation import Committee, CommitteeMember
from wuxin_evidence.crypto.secp256k1 import EvmKey
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError

PRICE = {"commodity": "ore-1", "price_minor_per_t": 5, "currency": "EUR", "source": "a test", "priced_at_s": 7}


class Clock:
    """Seconds that the test sets."""

    s = 100

    def now_s(self) -> int:
        return self.s

    def now_ms(self) -> int:
        return self.s * 1000


class Installed:
    """A member's home in an installation."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.member_home = home / "orgs" / "bank" / "oracle"
        self.member_home.mkdir(parents=True)
        self.clock = Clock()
        self.status = self.started()

    def started(self) -> Status:
        return Status(self.member_home / STATUS_FILE, self.clock.now_s)

    @property
    def problems(self) -> dict[str, tuple[str, int]]:
        return {each.about: (each.code, each.since_s) for each in read_status(self.home, "bank")}


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def problem(code: str = "malformed", detail: str = "no JSON") -> EvidenceError:
    return EvidenceError(code, detail, "mend it")


class TestStatus:
    def test_a_problem_is_logged_and_written_once_and_its_end_too(
        self, installed: Installed, caplog: pytest.LogCaptureFixture
    ):
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                installed.status.problem("price", problem())
                installed.clock.s += 1
            assert installed.problems == {"price": ("malformed", 100)}
            assert caplog.text.count("no JSON") == 1
            for _ in range(2):
                installed.status.solved("price")
        assert installed.problems == {}
        assert caplog.text.count("no problem any more") == 1

    def test_another_reason_is_a_change_and_the_first_moment_stays(self, installed: Installed):
        installed.status.problem("price", problem())
        installed.clock.s = 200
        installed.status.problem("price", problem("too_large", "2 MB"))
        assert installed.problems == {"price": ("too_large", 100)}

    def test_a_restart_forgets_what_is_not_found_again_and_keeps_since_when(self, installed: Installed):
        installed.status.problem("price", problem())
        installed.status.problem("node", problem())
        installed.clock.s = 300
        again = installed.started()
        assert installed.problems == {}
        again.problem("price", problem("malformed", "still no JSON"))
        assert installed.problems == {"price": ("malformed", 100)}

    def test_the_number_of_problems_and_their_length_are_bounded(self, installed: Installed):
        for n in range(status_module.PROBLEMS_MAX + 5):
            installed.status.problem(f"slot {n}", problem("quorum_not_met", "x" * 10_000))
        found = read_status(installed.home, "bank")
        assert len(found) == status_module.PROBLEMS_MAX
        assert found[0].about == "slot 0"
        assert {len(each.detail) for each in found} == {status_module.DETAIL_LENGTH_MAX}

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"problems": 5}', '{"problems": [{"about": "x"}]}', "\x00"])
    def test_a_file_that_no_member_wrote_says_nothing_and_stops_nobody(self, installed: Installed, text: str):
        (installed.member_home / STATUS_FILE).write_text(text)
        assert read_status(installed.home, "bank") == []
        installed.started().problem("price", problem())
        assert installed.problems == {"price": ("malformed", 100)}

    def test_a_disk_that_takes_no_status_stops_nobody(self, installed: Installed, caplog: pytest.LogCaptureFixture):
        (installed.member_home / STATUS_FILE).unlink()
        (installed.member_home / STATUS_FILE).mkdir()
        installed.status.problem("price", problem())
        assert "cannot be written" in caplog.text
        assert "no JSON" in caplog.text

    def test_a_member_without_a_file_has_no_problems(self, tmp_path: Path):
        assert read_status(tmp_path, "nobody") == []


class Node:
    """A node that answers, or fails as the test says."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.asked = threading.Event()
        keys = SigningKey.generate("sm2-sm3").public_key, EvmKey.generate().address
        self.record = Committee(1, 1, (CommitteeMember("bank", *keys),), 0).to_json()

    def devices(self) -> list[dict[str, object]]:
        self.asked.set()
        if self.failure is not None:
            raise self.failure
        return []

    def committee(self) -> dict[str, object]:
        return self.record

    def pledges(self) -> list[dict[str, object]]:
        return []


class TestSources:
    def looked(self, installed: Installed, node: Node) -> list[object]:
        """One turn of the node thread, which ends once it asked; what it put into the inbox."""
        inbox: queue.Queue[object] = queue.Queue()
        node.asked.clear()
        prices = PriceSource(installed.member_home, {"EUR"}, installed.clock, clock_skew_s=10)
        watch = NodeWatch(node, prices, inbox, node.asked, installed.status)  # pyright: ignore[reportArgumentType]
        watch.ask()
        watch.run()
        return list(inbox.queue)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_a_price_file_is_read_with_or_without_a_byte_order_mark(self, installed: Installed, encoding: str):
        (installed.member_home / PRICE_FILE).write_text(json.dumps(PRICE), encoding=encoding)
        (snapshot,) = self.looked(installed, Node())
        assert [each.subject_id for each in snapshot.reads] == ["ore-1"]
        assert installed.problems == {}

    def test_a_price_file_that_cannot_be_used_is_named_until_it_can(
        self, installed: Installed, caplog: pytest.LogCaptureFixture
    ):
        (installed.member_home / PRICE_FILE).write_text("{")
        for _ in range(3):
            (snapshot,) = self.looked(installed, Node())
            assert snapshot.reads == []
        assert installed.problems == {"price": ("malformed", 100)}
        assert caplog.text.count("price-source.json") == 1
        (installed.member_home / PRICE_FILE).write_text(json.dumps(PRICE))
        self.looked(installed, Node())
        assert installed.problems == {}

    def test_a_price_dated_in_milliseconds_is_named_and_not_read_until_it_is_dated_in_seconds(
        self, installed: Installed
    ):
        (installed.member_home / PRICE_FILE).write_text(json.dumps({**PRICE, "priced_at_s": 100_000}))
        (snapshot,) = self.looked(installed, Node())
        assert snapshot.reads == []
        (told,) = read_status(installed.home, "bank")
        assert (told.about, told.code) == ("price", "clock_skew")
        assert "99900 s ahead of the clock" in told.detail and "milliseconds" in told.hint
        (installed.member_home / PRICE_FILE).write_text(json.dumps({**PRICE, "priced_at_s": 100}))
        (snapshot,) = self.looked(installed, Node())
        assert len(snapshot.reads) == 1 and installed.problems == {}

    @pytest.mark.parametrize(
        ("failure", "code"),
        [
            (Unanswered("unavailable", "no answer"), "unavailable"),
            (Denied("unauthenticated", "no such key"), "unauthenticated"),
            (ConnectionRefusedError(111, "refused"), "unavailable"),
            (KeyError("suite"), "unavailable"),
            (TypeError("None"), "unavailable"),
        ],
    )
    def test_a_node_that_does_not_answer_is_named_until_it_does(
        self, installed: Installed, failure: Exception, code: str
    ):
        node = Node()
        node.failure = failure
        assert self.looked(installed, node) == []
        assert installed.problems == {"node": (code, 100)}
        node.failure = None
        assert len(self.looked(installed, node)) == 1
        assert installed.problems == {}


def test_a_turning_worker_writes_its_sign_of_life_every_few_seconds_and_not_more_often(tmp_path: Path) -> None:
    installed, machine_s = Installed(tmp_path), [1000.0]
    path = installed.member_home / STATUS_FILE
    status = Status(path, installed.clock.now_s, lambda: machine_s[0])
    written = set[bytes]()
    for _ in range(100):
        status.alive()
        written.add(path.read_bytes())
        machine_s[0] += 0.1
    assert len(written) == 1 + 9 // ALIVE_EVERY_S and read_alive_s(tmp_path, "bank") == 1009
    machine_s[0] = 500.0
    status.alive()
    assert read_alive_s(tmp_path, "bank") == 500, "a clock that was set back is told at once"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"alive_s": null}', '{"alive_s": "x"}'])
def test_no_sign_of_life_is_read_where_none_was_written(tmp_path: Path, content: str) -> None:
    installed = Installed(tmp_path)
    (installed.member_home / STATUS_FILE).write_text(content)
    assert read_alive_s(tmp_path, "bank") is None
