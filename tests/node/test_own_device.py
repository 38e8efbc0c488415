"""A device of one's own, made and spoken through by two commands."""

import json
import shutil

import pytest

from node.cli import own_device
from node.cli.own_device import new, send
from node.demo.founding import write_consortium
from node.products import product
from oracle.profile import HOME_PROFILE
from oracle.sources.broker import broker_thread
from wuxin_evidence.crypto.suites import SigningKey
from wuxin_evidence.errors import EvidenceError


@pytest.fixture
def home(tmp_path, monkeypatch):
    write_consortium(tmp_path)
    shutil.copy(product("weighed-stock").profile(), tmp_path / HOME_PROFILE)
    with broker_thread() as port:
        monkeypatch.setattr(own_device, "endpoints", lambda home: {"mqtt": f"127.0.0.1:{port}"})
        yield tmp_path


def refused(call, *arguments) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        call(*arguments)
    return caught.value


def test_a_new_device_has_a_key_that_only_its_owner_can_read(home):
    made = new(home, "my-scale", "sm2-sm3")
    file = home / "devices" / "my-scale.pem"
    assert SigningKey.from_pem(file.read_bytes()).public_key.hex() == made["public_key"]
    assert file.stat().st_mode & 0o077 == 0


def test_a_key_is_never_replaced(home):
    new(home, "my-scale", "es256")
    before = (home / "devices" / "my-scale.pem").read_bytes()
    assert refused(new, home, "my-scale", "es256").code == "conflict"
    assert (home / "devices" / "my-scale.pem").read_bytes() == before


@pytest.mark.parametrize(("name", "suite"), [("../x", "es256"), ("a/b", "es256"), ("", "es256"), ("scale", "rsa")])
def test_what_no_device_can_be_is_malformed_and_leaves_nothing(home, name, suite):
    assert refused(new, home, name, suite).code == "malformed"
    assert not (home / "devices").exists()


def test_two_readings_of_one_second_are_two_starts(home):
    new(home, "my-scale", "sm2-sm3")
    first, second = (send(home, "my-scale", ["mass_kg=39100.5"]) for _ in range(2))
    assert second["boot"] > first["boot"]
    assert first["readings"] == [{"name": "mass_kg", "value": "39100.5", "unit": "kg"}]


@pytest.mark.parametrize(
    "reading",
    ["mass_kg", "mass_g=1", "=1", "mass_kg=", "mass_kg=1,5", "mass_kg=\uff11", "mass_kg=NaN", "mass_kg=Infinity"],
)
def test_a_reading_that_is_not_the_profiles_is_malformed_and_counts_no_start(home, reading):
    new(home, "my-scale", "sm2-sm3")
    assert refused(send, home, "my-scale", [reading]).code == "malformed"
    assert not (home / "devices" / "my-scale.boot").exists()


def test_a_device_without_a_key_is_unknown(home):
    assert refused(send, home, "other", ["mass_kg=1"]).code == "unknown_device"


def test_the_command_prints_what_an_enrolment_needs(home):
    from typer.testing import CliRunner

    from node.cli.main import app

    told = CliRunner().invoke(app, ["device", "new", "my-scale", "--home", str(home)])
    assert told.exit_code == 0
    assert set(json.loads(told.stdout)) == {"device_id", "suite", "public_key"}
