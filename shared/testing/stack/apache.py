"""Apache Kafka itself, one node in KRaft mode on a Java runtime, beside the same `mongod`.

Its jars are named by deploy/kafka/pom.xml and resolved by Maven into the user's cache, once; after that
nothing is fetched. Starts in 3 s (and 5 s more the first time), answers again 4 s after it was killed.
"""

import asyncio
import base64
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from .base import StackUnavailable
from .local import LocalStack
from .process import LOOPBACK, Process, free_port

POM = Path(__file__).parents[3] / "deploy" / "kafka" / "pom.xml"

_CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{broker},CONTROLLER://{controller}
log.dirs={data}

# Topics are declared: a mistyped name must fail and not make a topic with one partition.
auto.create.topics.enable=false

# One node holds the only replica of everything.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# 50 partitions each by default: files and start-up time that one node has no use for.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4

# A consumer that is alone gets its partitions at once, and a test may make a dead one's session short.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# A broker that was killed may register again only when its old session has run out: with the default of 9 s
# a restart takes 12 s, so 4 s. Below 2 s a busy machine of two cores fences a broker that is well.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250

# A quarter of our heap by default.
log.cleaner.dedupe.buffer.size=16777216
"""

_LOGGING = """\
rootLogger.level=warn
rootLogger.appenderRef.stdout.ref=stdout
appender.stdout.type=Console
appender.stdout.name=stdout
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1} - %m%n
"""


class ApacheStack(LocalStack):
    """Apache Kafka and `mongod`: what can be killed and comes back with its data."""

    kind = "apache"
    can_restart_broker = True

    async def _prepare_broker(self, directory: Path) -> Process:
        java = java_binary()
        jars = await asyncio.to_thread(jars_directory)
        self.kafka = f"{LOOPBACK}:{free_port()}"
        config, logging = directory / "kafka.properties", directory / "log4j2.properties"
        config.write_text(
            _CONFIG.format(
                broker=self.kafka, controller=f"{LOOPBACK}:{free_port()}", data=directory / "kafka"
            )
        )
        logging.write_text(_LOGGING)
        options = [f"-Dlog4j2.configurationFile={logging}", "-cp", f"{jars}/*"]
        # 16 random bytes that do not begin with a dash once encoded, or the tool takes them for an option.
        cluster_id = base64.urlsafe_b64encode(secrets.token_hex(8).encode()).rstrip(b"=").decode()
        storage_tool = [java, "-Xmx64m", "-XX:TieredStopAtLevel=1", *options, "kafka.tools.StorageTool"]
        format_storage = [*storage_tool, "format", "-c", str(config), "-t", cluster_id]
        await asyncio.to_thread(_run, format_storage, "formatting Kafka's storage")
        return Process(
            "kafka", java, "-Xmx512m", *options, "kafka.Kafka", str(config), log_file=directory / "kafka.log"
        )

    async def restart_broker(self) -> None:
        self._broker.kill()
        self._broker.start()
        await self._until_broker_answers()


def java_binary() -> str:
    """Path of a Java runtime that Kafka 4 runs on: of JAVA_HOME, else of PATH. Raises `StackUnavailable`."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    found = ""
    if java:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
        if version := re.search(r'version "(\d+)', answer.stderr):
            if int(version[1]) >= 17:
                return java
            found = f" (found {version[1]})"
    where = "in JAVA_HOME" if home else "on PATH"
    raise StackUnavailable(f"no Java 17+ runtime {where}{found}; install one or use --stack embedded")


def jars_directory() -> Path:
    """The directory with the jars of the POM, which Maven fills the first time. Raises `StackUnavailable`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "guildhall"
    # Named after all that the POM says, so that a changed one is resolved anew.
    jars = cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if not maven:
        raise StackUnavailable("no Maven (mvn) on PATH to fetch Kafka; install it or use --stack embedded")
    cache.mkdir(parents=True, exist_ok=True)
    # Filled elsewhere and renamed: whoever finds the directory finds it complete.
    partial = Path(tempfile.mkdtemp(prefix="kafka-", dir=cache))
    try:
        copy_jars = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
        _run([*copy_jars, *options], "fetching Kafka with Maven")
        partial.rename(jars)
    except OSError:
        if not jars.is_dir():  # somebody else was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return jars


def _run(command: list[str], what: str) -> None:
    """Run to its end, ten minutes at most. Raises `StackUnavailable` with its first error if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=600,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackUnavailable(f"{what} took more than ten minutes; try again") from None
    if done.returncode:
        lines = done.stdout.splitlines()
        reason = next((line for line in lines if "ERROR" in line or "Exception" in line), "no reason given")
        raise StackUnavailable(f"{what} failed: {reason.strip()[:300]}; see to it or use --stack embedded")
