"""A temporary MariaDB server for the metadata store that containers share."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.waiting import wait_until


@contextlib.contextmanager
def mariadb(user: str, password: str) -> Iterator[int]:
    """Runs a server with a database `regpipe` for this user, and yields its port on 127.0.0.1."""
    folder = Path(tempfile.mkdtemp(prefix="regpipe-mariadb-"))
    as_user = []
    if os.getuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "mysql")
        as_user = ["--user=mysql"]
    location = ["--no-defaults", *as_user, f"--datadir={folder}/data"]
    subprocess.run(["mariadb-install-db", *location, "--skip-test-db"], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = [
        f"--port={port}",
        "--bind-address=127.0.0.1",
        f"--socket={folder}/socket",
        f"--pid-file={folder}/pid",
    ]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(["mariadbd", *location, *options], stderr=log)
    # The anonymous users of a new server take precedence over an account for any host.
    statements = f"""
        DELETE FROM mysql.global_priv WHERE User = ''; FLUSH PRIVILEGES; CREATE DATABASE regpipe;
        CREATE USER {user}@'%' IDENTIFIED BY '{password}'; GRANT ALL ON regpipe.* TO {user}@'%';
    """
    client = ["mariadb", "--no-defaults", f"--socket={folder}/socket", "--user=root"]
    try:
        wait_until(
            lambda: subprocess.run([*client, "-e", "SELECT 1"], capture_output=True).returncode == 0, 60
        )
        subprocess.run([*client, "-e", statements], check=True, capture_output=True)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=60)
        shutil.rmtree(folder)
