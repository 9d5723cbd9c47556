"""The folders of kernels: one for each session's files, which stays, and one for each kernel's temporary ones."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from pathlib import Path

from kernel.launch.cage.identity import Users
from kernel.launch.cage.policy import Policy, Rules
from kernel.launch.contract import KernelNotStarted
from kernel.launch.packets import Place

_PASSING = 0o711  # through to one's own, without seeing which others there are


class Folders:
    """Below `directory`. With `rules`, each folder belongs to the user that its session's kernels have."""

    def __init__(self, directory: Path, rules: Rules | None) -> None:
        self.cache = directory / "cache"
        self._work = directory / "work"
        self._temporary = directory / "temporary"
        self._rules = rules
        self._users = Users(self._work, self._temporary, self.cache)

    def place(self, session: str) -> Place:
        """Where the session's next kernel works. Raises KernelNotStarted."""
        return self._place(self._work / session)

    def probe(self) -> Place:
        """As for a kernel, for a session that does not exist: both folders are to be removed afterwards."""
        return self._place(self._temporary / uuid.uuid4().hex)

    def _place(self, work: Path) -> Place:
        temporary = self._temporary / uuid.uuid4().hex
        try:
            for folder in (self._work, self._temporary, self.cache):
                if not folder.exists():
                    folder.mkdir(parents=True)
                    folder.chmod(_PASSING)
            for folder in (work, temporary):
                folder.mkdir(exist_ok=True, mode=0o700)
            policy = self._policy(work, temporary)
        except OSError as error:
            raise KernelNotStarted(f"The kernel's folders cannot be made: {error.strerror}.") from None
        return Place(work=str(work), temporary=str(temporary), policy=policy)

    def _policy(self, work: Path, temporary: Path) -> Policy | None:
        if self._rules is None:
            return None
        user = self._users.own(work, temporary)
        return Policy(rules=self._rules, readable=(str(self.cache),), user=user, why_not=self._users.problem)


async def remove(*folders: str) -> None:
    """Delete them and what is in them, however much and however deep: user code made it."""
    await asyncio.to_thread(subprocess.run, ["rm", "-rf", "--", *folders], stderr=subprocess.DEVNULL, check=False)
