"""The architecture's contracts hold, and would notice if they did not."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("discussions", "matching", "members", "notifications")


def lint_imports(where: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache", "--no-logo", "--config", ".importlinter",
    ]  # fmt: skip
    return subprocess.run(
        command,
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PYTHONPATH": str(where), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.fixture
def miniature(tmp_path: Path) -> Path:
    """The same rooms with nothing in them, under the real contracts."""
    files = [
        f"services/{name}/{room}.py" for name in SERVICES for room in ("app", "api", "store", "commands")
    ]
    files += [f"services/{name}/domain/rules.py" for name in SERVICES]
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    for section in contracts.sections():
        for module in contracts.get(section, "source_modules", fallback="").split():
            if module.startswith("shared."):
                files.append(f"{module.replace('.', '/')}/parts.py")
        for module in contracts.get(section, "forbidden_modules", fallback="").split():
            if module.startswith("shared."):
                files.append(f"{module.replace('.', '/')}/parts.py")
    files += ["shared/storage/parts.py", "deploy/parts.py"]
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        for parent in path.relative_to(tmp_path).parents:
            if parent != Path():
                (tmp_path / parent / "__init__.py").touch()
    (tmp_path / ".importlinter").write_text((ROOT / ".importlinter").read_text())
    return tmp_path


def test_empty_rooms_break_nothing(miniature: Path) -> None:
    result = lint_imports(miniature)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "imports", "contract"),
    [
        ("services/members/commands.py", "services.matching.store", "No service imports another"),
        ("services/members/store.py", "services.members.commands", "the arrows run one way"),
        ("services/members/domain/rules.py", "services.members.store", "the arrows run one way"),
        ("services/members/domain/rules.py", "pymongo", "The domain speaks to nothing"),
        ("services/members/domain/rules.py", "fastapi", "The domain speaks to nothing"),
        ("services/members/domain/rules.py", "shared.storage.parts", "The domain speaks to nothing"),
        ("services/members/store.py", "motor.motor_asyncio", "Only shared.storage imports motor"),
        ("shared/messaging/parts.py", "motor.motor_asyncio", "Only shared.storage imports motor"),
        ("services/members/commands.py", "aiokafka", "No service speaks to Kafka"),
        ("shared/storage/parts.py", "services.members.store", "What is shared knows no service"),
        ("services/members/api.py", "deploy.parts", "A service does not know how it is deployed"),
        ("services/members/helpers.py", "", "the arrows run one way"),  # a room that nobody knows
    ],
)
def test_a_violation_is_caught(miniature: Path, module: str, imports: str, contract: str) -> None:
    (miniature / module).write_text(f"import {imports}\n" if imports else "")
    result = lint_imports(miniature)
    assert result.returncode != 0
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken), result.stdout


def test_an_indirect_way_out_of_the_domain_is_caught(miniature: Path) -> None:
    """The domain may import errors; so errors may not import a driver."""
    (miniature / "shared/errors/__init__.py").write_text("import pymongo\n")
    (miniature / "services/members/domain/rules.py").write_text("import shared.errors\n")
    result = lint_imports(miniature)
    assert "The domain speaks to nothing but the language BROKEN" in result.stdout


def test_no_path_of_a_machine_and_no_index() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    if tracked == [""]:
        pytest.skip("not a checkout")
    for name in filter(None, tracked):
        path = ROOT / name
        if not path.is_file() or path.stat().st_size > 5_000_000:
            continue
        text = path.read_text(errors="ignore")
        if name.endswith(".lock"):
            for address in ("://", "--index-url", "--extra-index-url", "--find-links"):
                assert address not in text, f"{name} names where packages come from"
            pins = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
            assert pins
            assert text.count("--hash=sha256:") >= len(pins)
        if name not in (".ci/run", "tests/unit/test_architecture.py"):
            for machine in ("/work/", "/root/"):
                assert machine not in text, f"{name} names a path of this machine"
