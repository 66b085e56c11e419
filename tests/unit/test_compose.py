"""docker-compose.yml says what it promises; no Docker engine is needed to read it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter
from pydantic_settings import BaseSettings

from services.matching.settings import MatchingSettings
from services.notifications.settings import NotificationSettings
from shared.contracts.topics import SERVICES
from shared.settings import ServiceSettings, TextLimits

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SPEC: dict[str, Any] = yaml.safe_load(COMPOSE)
OVERLAY: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose/observability.yml").read_text())
RELAYS = tuple(f"{name}-relay" for name in SERVICES)
JOBS = ("init-replica-set", "init-topics", "init-indexes", "init-users")
EVERYTHING = ("kafka", "mongo", *JOBS, *SERVICES, *RELAYS)


def test_nothing_is_missing_and_nothing_else_runs() -> None:
    assert set(SPEC["services"]) == set(EVERYTHING)


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_is_bounded_and_comes_back(name: str) -> None:
    part = SPEC["services"][name]
    assert part["mem_limit"]
    assert part["restart"] == ("on-failure:5" if name in JOBS else "unless-stopped")
    assert ("healthcheck" in part) is (name not in JOBS)
    assert re.search(r":\d|:local$", part["image"]), "a floating version"
    assert "no-new-privileges:true" in part["security_opt"]
    for port in part.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "open to the network"


@pytest.mark.parametrize("name", [*SERVICES, *RELAYS])
def test_each_process_is_read_only_with_a_user_of_its_own(name: str) -> None:
    part, service = SPEC["services"][name], name.removesuffix("-relay")
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert "/health/ready" in part["healthcheck"]["test"][-1]
    environment = part["environment"]
    password = f"${{GUILDHALL_{service.upper()}_PASSWORD:?run make dotenv}}"
    assert environment["MONGODB_URI"] == (
        f"mongodb://guildhall-{service}:{password}@mongo:27017/?replicaSet=rs0&authSource=guildhall-{service}"
    )
    assert "ADMIN" not in str(environment)
    assert environment["GUILDHALL_RELAY_IN_PROCESS"] == "false"
    assert part["command"][:2] == ["relay" if name in RELAYS else "serve", service]
    assert set(part["depends_on"]) == {"init-topics", "init-indexes", "init-users"}
    assert all(d["condition"] == "service_completed_successfully" for d in part["depends_on"].values())


def test_ports() -> None:
    ports = [
        SPEC["services"][name]["ports"] for name in ("members", "discussions", "matching", "notifications")
    ]
    assert ports == [[f"127.0.0.1:{8001 + place}:8000"] for place in range(4)]


def test_every_secret_is_required_and_offered() -> None:
    """No secret has a default, and `make dotenv` fills in each that is asked for."""
    asked = set(re.findall(r"\$\{(GUILDHALL_\w+):\?", COMPOSE))
    assert asked >= {f"GUILDHALL_{name.upper()}_PASSWORD" for name in SERVICES}
    assert not re.search(r"\$\{\w*(PASSWORD|SECRET|KEY)(:?-|\})", COMPOSE), "a secret with a default"
    with (ROOT / ".env.example").open() as example:
        written = subprocess.run(
            [sys.executable, str(ROOT / "deploy/compose/dotenv.py")],
            stdin=example,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    filled = dict(re.findall(r"^(\w+)=(\w+)$", written, re.M))
    assert asked <= set(filled)
    secrets = [filled[name] for name in asked]
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 32


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_reaches_its_service_and_is_documented(name: str) -> None:
    own: dict[str, type[BaseSettings]] = {"matching": MatchingSettings, "notifications": NotificationSettings}
    handed_on = SPEC["services"][name]["environment"]
    example = (ROOT / ".env.example").read_text()
    for settings in (ServiceSettings, TextLimits, *filter(None, [own.get(name)])):
        prefix = settings.model_config["env_prefix"]
        for field, about in settings.model_fields.items():
            variable = f"{prefix}{field.upper()}"
            if about.validation_alias or field == "database_prefix":
                continue  # addresses; what the names of the databases' users are made of
            assert variable in handed_on, f"{variable} does not reach {name}"
            if handed_on[variable] == "false":
                continue  # decided by there being relays
            stated = re.search(rf"^#?{variable}=(.*)$", example, re.M)
            assert stated, f"{variable} is not in .env.example"
            if stated[0].startswith("#") and stated[1] and field != "issuer":
                assert TypeAdapter(about.annotation).validate_python(stated[1]) == about.default


def test_overlay_adds_to_what_is_there() -> None:
    tools = set(OVERLAY["services"]) - set(SPEC["services"])
    assert tools == {"otel-collector", "jaeger", "prometheus"}
    assert set(OVERLAY["services"]) - tools == {*SERVICES, *RELAYS}
    for name in tools:
        assert OVERLAY["services"][name]["mem_limit"]
        assert re.search(r":v?\d+\.\d+\.\d+$", OVERLAY["services"][name]["image"])
    collector = yaml.safe_load(OVERLAY["configs"]["collector"]["content"])
    assert collector["service"]["pipelines"]["traces"]["receivers"] == ["otlp"]
    [job] = yaml.safe_load(OVERLAY["configs"]["prometheus"]["content"])["scrape_configs"]
    assert set(job["static_configs"][0]["targets"]) == {f"{name}:8000" for name in (*SERVICES, *RELAYS)}


def test_image_is_locked_and_not_root() -> None:
    dockerfile = (ROOT / "deploy/images/Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.M)
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    assert dockerfile.count("--require-hashes") == 2
    assert re.search(r"^USER [1-9]\d*:", dockerfile, re.M)
