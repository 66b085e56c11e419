"""The four services and their relays as processes of their own, as they run in production."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from shared.contracts.topics import SERVICES
from shared.settings import ServiceSettings
from shared.testing.harness import eventually
from shared.testing.stack.process import Process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Fleet:
    """Start it, kill parts of it, start them again; everything dies with the process that made it.

    The parts are named ``members``, ``members-relay`` and so on; further replicas ``notifications-2``.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        logs: Path,
        *,
        separate_relays: bool = True,
        replicas: Mapping[str, int] | None = None,
        services: Sequence[str] = SERVICES,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """``replicas``: how many of a service, where it is not one; clients talk to the first.

        ``more``: what else is in the environment.
        """
        self._urls = {service: f"http://127.0.0.1:{_free_port()}" for service in services}
        environment = [
            f"{name}={value}"
            for name, value in {
                "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
                "MONGODB_URI": settings.mongodb_uri.get_secret_value(),
                "GUILDHALL_ENVIRONMENT": settings.environment,
                "GUILDHALL_DEV_ISSUER_SECRET": (
                    settings.dev_issuer_secret or settings.mongodb_uri
                ).get_secret_value(),
                "GUILDHALL_DATABASE_PREFIX": settings.database_prefix,
                "GUILDHALL_RELAY_IN_PROCESS": str(not separate_relays).lower(),
                "GUILDHALL_CONSUMER_SESSION_SECONDS": str(settings.consumer_session_seconds),
                "GUILDHALL_LOG_LEVEL": "WARNING",
                **(more or {}),
            }.items()
        ]
        env, guildhall = shutil.which("env") or "/usr/bin/env", [sys.executable, "-m", "deploy.cli.main"]
        commands = {
            service: ["serve", service, "--host", "127.0.0.1", "--port", url.rsplit(":", 1)[1]]
            for service, url in self._urls.items()
        }
        for service, count in (replicas or {}).items():
            for number in range(2, count + 1):
                address = ["--host", "127.0.0.1", "--port", str(_free_port())]
                commands[f"{service}-{number}"] = ["serve", service, *address]
        if separate_relays:
            commands |= {
                f"{service}-relay": ["relay", service, "--host", "127.0.0.1", "--port", str(_free_port())]
                for service in services
            }
        self._alive: set[str] = set()
        self._supervisor: asyncio.Task[None] | None = None
        self._parts = {
            name: Process(name, env, *environment, *guildhall, *command, log_file=logs / f"{name}.log")
            for name, command in commands.items()
        }

    @property
    def parts(self) -> list[str]:
        """The names of all processes."""
        return list(self._parts)

    def url(self, service: str) -> str:
        """Where ``service`` answers."""
        return self._urls[service]

    async def start(self) -> None:
        """Start everything; return once all services are ready."""
        for part in self._parts:
            self.revive(part)
        self._supervisor = asyncio.create_task(self._supervise())
        await self.ready()

    async def _supervise(self) -> None:
        """Start again what ended by itself, as Compose and Kubernetes do: one that finds no broker ends."""
        while True:
            await asyncio.sleep(0.5)
            for part in self._alive:
                if self._parts[part].has_ended:
                    self._parts[part].start()

    async def ready(self) -> None:
        """Return once all services are ready; the logs say why one is not."""
        async with httpx.AsyncClient(timeout=5) as http:
            for service, url in self._urls.items():

                async def answers(service: str = service, url: str = url) -> bool:
                    try:
                        return (await http.get(f"{url}/health/ready")).status_code == 200
                    except httpx.HTTPError:
                        return False

                await eventually(answers, within=60)

    def kill(self, part: str) -> None:
        """SIGKILL a process; it stays dead until it is revived."""
        self._alive.discard(part)
        self._parts[part].kill()

    def revive(self, part: str) -> None:
        """Start a process, or start it again."""
        self._alive.add(part)
        self._parts[part].start()

    def stop(self) -> None:
        """Kill everything: what is promised must not depend on a farewell."""
        if self._supervisor is not None:
            self._supervisor.cancel()
        for process in self._parts.values():
            process.kill()
