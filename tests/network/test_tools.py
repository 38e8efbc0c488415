"""Commands that Python packages do not bring: taken from PATH when they will do, else built once."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from network.bringup import tools
from network.bringup.tools import Kit, ToolError, built, cache, command
from node.cli.main import app

GO = """#!/bin/sh
# Stands in for Go: counts its calls, lists two packages, and installs what a program of that name would be.
echo "$@" >> "$CALLS"
[ "$1" = list ] && { echo "go: downloading thing v1.0.0" >&2; printf 'example.com/a\\nexample.com/b\\n'; exit 0; }
echo "example.com/a" >&2
[ -n "$FAILS" ] && { echo "cannot find module" >&2; exit 1; }
sleep 0.3
mkdir -p "$GOBIN" && printf '#!/bin/sh\\n' > "$GOBIN/thing" && chmod 755 "$GOBIN/thing"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's; an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    tools._installed.cache_clear()
    return folder


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text("module thing\n")
    (folder / "go.sum").write_text("")
    return Kit(folder, frozenset({"thing"}), "-s -w", (("CGO_ENABLED", "0"),), lambda _: False, "install Go")


def put(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(script)
    path.chmod(0o755)
    return path


def says(version: str) -> str:
    return f"#!/bin/sh\necho 'peer:'\necho ' Version: {version}'\n"


@pytest.mark.parametrize("version", ["3.1.0", "v3.1.5", "3.12.1", "4.0.0"])
def test_a_release_on_path_that_is_new_enough_is_taken(programs: Path, version: str):
    installed = put(programs, "peer", says(version))
    assert command("peer") == installed


@pytest.mark.parametrize("script", [says("2.5.16"), says("3.0.0"), says("latest"), "#!/bin/sh\nexit 3\n", "no program"])
def test_what_is_too_old_or_something_else_is_passed_over(programs: Path, script: str):
    put(programs, "peer", script)
    put(programs, "go", "#!/bin/sh\nexit 1\n")
    with pytest.raises(ToolError) as refused:
        command("peer")
    assert refused.value.code == "unavailable"


def test_without_go_it_says_what_to_install(programs: Path, kit: Kit):
    with pytest.raises(ToolError) as refused:
        built(kit)
    assert refused.value.code == "unavailable"
    assert refused.value.hint == "install Go"
    assert not any(cache().glob(f"{kit.digest}*/*"))


def test_what_is_built_stays_for_the_next(programs: Path, kit: Kit, tmp_path: Path):
    put(programs, "go", GO)
    assert (built(kit) / "thing").is_file()
    assert built(kit) == cache() / kit.digest
    assert (tmp_path / "calls").read_text().splitlines() == [
        "list -deps tool",
        "install -v -trimpath -buildvcs=false -ldflags -s -w tool",
    ]


def test_another_go_sum_is_another_build(programs: Path, kit: Kit):
    before = kit.digest
    (kit.folder / "go.sum").write_text("example.com/a v1.0.0 h1:abc=\n")
    assert kit.digest != before


def test_a_build_that_fails_leaves_nothing_and_tells_the_compilers_last_words(
    programs: Path, kit: Kit, monkeypatch: pytest.MonkeyPatch
):
    put(programs, "go", GO)
    monkeypatch.setenv("FAILS", "yes")
    with pytest.raises(ToolError) as refused:
        built(kit)
    assert "cannot find module" in refused.value.detail
    assert not list(cache().glob("*.building"))
    monkeypatch.delenv("FAILS")
    assert (built(kit) / "thing").is_file()


def test_a_build_shows_how_far_it_is(programs: Path, kit: Kit, capfd: pytest.CaptureFixture[str]):
    put(programs, "go", GO)
    built(kit)
    first, *_, last = capfd.readouterr().err.splitlines()
    assert first.startswith("building thing: begins")
    assert last.startswith("building thing: done")


def test_a_build_that_stands_still_is_given_up(programs: Path, kit: Kit, monkeypatch: pytest.MonkeyPatch):
    put(programs, "go", "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(tools, "BUILD_TIMEOUT_S", 0.2)
    monkeypatch.setattr(tools, "SHOW_EVERY_S", 0.05)
    with pytest.raises(ToolError) as refused:
        built(kit)
    assert "it took over" in refused.value.detail


def test_the_command_builds_what_lacks_once_and_then_says_that_it_is_there(
    programs: Path, kit: Kit, monkeypatch: pytest.MonkeyPatch
):
    put(programs, "go", GO)
    monkeypatch.setattr(tools, "kits", lambda: (kit,))
    first, again = (CliRunner().invoke(app, ["engines", "build"]) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout.startswith("thing: built, in ")
    assert again.stdout.startswith("thing: there already, in ")


def test_the_command_takes_what_is_on_path(programs: Path, kit: Kit, monkeypatch: pytest.MonkeyPatch):
    put(programs, "thing", "#!/bin/sh\n")
    monkeypatch.setattr(tools, "kits", lambda: (replace(kit, usable=lambda _: True),))
    assert CliRunner().invoke(app, ["engines", "build"]).stdout == "thing: on PATH\n"
    assert not cache().exists()


def test_the_command_fails_where_nothing_can_be_built(programs: Path):
    typed = [sys.executable, "-m", "node.cli.main", "engines", "build"]
    done = subprocess.run(typed, check=False, capture_output=True, text=True)
    assert done.returncode == 4
    assert "no Go to build them" in done.stderr
    assert done.stdout == ""


def test_a_build_that_makes_nothing_is_a_failure(programs: Path, kit: Kit):
    put(programs, "go", "#!/bin/sh\nexit 0\n")
    with pytest.raises(ToolError) as refused:
        built(kit)
    assert "thing" in refused.value.detail


BUILD = """
import sys
from pathlib import Path
from network.bringup.tools import Kit, built
print(built(Kit(Path(sys.argv[1]), frozenset({"thing"}), "-s -w", (), lambda _: False, "install Go")))
"""


def test_processes_that_need_it_at_once_build_it_once(programs: Path, kit: Kit, tmp_path: Path):
    put(programs, "go", GO)
    builders = [
        subprocess.Popen([sys.executable, "-c", BUILD, str(kit.folder)], stderr=subprocess.DEVNULL) for _ in range(3)
    ]
    assert [builder.wait(60) for builder in builders] == [0, 0, 0]
    assert (tmp_path / "calls").read_text().count("install") == 1


def test_who_waits_for_another_process_that_builds_is_told_so(
    programs: Path, kit: Kit, capfd: pytest.CaptureFixture[str]
):
    put(programs, "go", GO)
    cache().mkdir(parents=True)
    with tools._alone(kit):
        waiting = threading.Thread(target=built, args=(kit,))
        waiting.start()
        told, deadline = "", time.monotonic() + 10
        while "waiting for another process that builds thing: begins" not in told:
            assert time.monotonic() < deadline, "it waits in silence"
            told += capfd.readouterr().err
            time.sleep(0.01)
    waiting.join(10)
    assert (cache() / kit.digest / "thing").is_file()


def test_a_command_that_nobody_builds_is_refused():
    with pytest.raises(ToolError):
        command("docker")


def test_the_committed_modules_name_the_commands():
    for kit in tools.kits():
        lines = (kit.folder / "go.mod").read_text("utf-8").split()
        assert kit.commands == {word.rpartition("/")[2] for word in lines if "/cmd/" in word}


@pytest.mark.engine("fabric")
@pytest.mark.parametrize("name", ["peer", "orderer", "configtxgen", "configtxlator", "osnadmin"])
def test_fabrics_commands_run(name: str):
    tools._installed.cache_clear()
    path = command(name)
    assert os.access(path, os.X_OK)
    assert tools._is_recent_fabric(path)


def test_a_command_found_through_a_relative_path_is_found_from_every_folder(
    programs: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = put(programs, "peer", says("3.1.1"))
    monkeypatch.setenv("PATH", f"bin:{os.environ['PATH'].partition(':')[2]}")
    monkeypatch.chdir(programs.parent)
    assert command("peer") == installed


def test_what_a_killed_build_left_is_cleared_away_by_the_next(programs: Path, kit: Kit):
    put(programs, "go", GO)
    left = cache() / f"{kit.digest}.0badcafe.building"
    left.mkdir(parents=True)
    (left / "thing").touch()
    built(kit)
    assert not left.exists()
    assert not (cache() / f"{kit.digest}.lock").stat().st_mode & 0o077
