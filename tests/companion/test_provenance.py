"""What a page says about its making."""

import getpass
import hashlib
import json
import os
import socket
import subprocess
from pathlib import Path

from papers_lib.companion import provenance, recorded


def test_manifest_of_a_page(made: Path) -> None:
    out = made / "reports/quick"
    text = (out / "toy.manifest.json").read_text()
    manifest = json.loads(text)
    assert sorted(manifest["files"]) == ["toy.claims.md", "toy.html", "toy.results.json"]
    for name, entry in manifest["files"].items():
        content = (out / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["schema"] == 1
    assert manifest["seeds"] == 5
    assert manifest["command"] == "papers run toy --profile quick"
    assert manifest["data"] == {"numbers": "0123abcd"}
    assert manifest["rules_sha256"] == json.loads((out / "toy.results.json").read_text())["rules_sha256"]
    assert manifest["device"]["type"] == "cpu"
    assert manifest["machine"]["cores"] >= 1
    assert 0 < manifest["wall_seconds"] < 300
    assert text == json.dumps(manifest, indent=1, sort_keys=True) + "\n"


def test_no_published_file_names_the_machine(made: Path, made_once: Path) -> None:
    for path in (made / "reports/quick").glob("toy.*"):
        if "status" not in path.name:
            text = path.read_text()
            assert str(made_once) not in text
            assert str(Path.home()) + os.sep not in text
            assert socket.gethostname() not in text
    values = json.dumps(list(json.loads((made / "reports/quick/toy.manifest.json").read_text()).values()))
    assert f'"{getpass.getuser()}"' not in values


def test_git_state_leaves_reports_out(tmp_path: Path) -> None:
    assert provenance.git_state(tmp_path) == ("", False)

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    for name in ("code.py", "reports/full/toy.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (tmp_path / "reports/full/toy.html").write_text("2")
    assert provenance.git_state(tmp_path) == (git("rev-parse", "HEAD"), False)
    (tmp_path / "code.py").write_text("2")
    assert provenance.git_state(tmp_path)[1]


def test_recorded_results_hold_no_pictures(made: Path) -> None:
    path = recorded.write(made, made / "reports/quick", "toy", "gpu-1")
    assert path == made / "reports/full/recorded/toy.gpu-1.json"
    content = json.loads(path.read_text())
    results = json.loads((made / "reports/quick/toy.results.json").read_text())
    manifest = json.loads((made / "reports/quick/toy.manifest.json").read_text())
    for key in ("data", "values", "tables", "claims"):
        assert content[key] == results[key]
    for key in ("date", "commit", "device", "libraries", "command"):
        assert content[key] == manifest[key]
    assert "figures" not in content
    assert "rows" not in content
