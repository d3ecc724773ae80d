"""Loads and unloads the versions of a model: polling of the folder, version policy, and reported states."""

import re
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.standins.tf_serving.bundle import Batching, Bundle
from tests.standins.tf_serving.status import Code, Status

INT64 = 2**63
NEW, LOADING, READY, ERROR = "new", "loading", "ready", "error"  # of core/loader_harness.h


@dataclass(frozen=True, kw_only=True)
class Polling:
    """The settings of polling. The defaults are those of model_servers/server.h.

    Args:
        seconds: --file_system_poll_wait_seconds, between two polls.
        load_retries: --max_num_load_retries.
        retry_seconds: --load_retry_interval_micros / 1e6.
        load_threads: --num_load_threads. With 0, the thread that polls also loads, so that nothing else is loaded while
            a load is retried.
    """

    seconds: float = 1.0
    load_retries: int = 5
    retry_seconds: float = 60.0
    load_threads: int = 0


@dataclass
class Managed:
    """A version in the manager.

    Args:
        state: NEW, LOADING, READY or ERROR.
        aspired: whether it was the version to serve at the last poll.
        bundle: the loaded version, if READY.
    """

    state: str = NEW
    aspired: bool = True
    bundle: Bundle | None = None


def version_of(name: str) -> int | None:
    """Parses as absl::SimpleAtoi: sources/storage_path/file_system_storage_path_source.cc, ParseVersionNumber."""
    if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", name):
        return None
    number = int(name)
    return number if -INT64 <= number < INT64 else None


class Manager:
    """The versions of one model.

    Args:
        name: the name of the model.
        base_path: the folder with the versions.
        polling: the settings of polling.
        batching: None without --enable_batching.
    """

    def __init__(self, name: str, base_path: Path, polling: Polling, batching: Batching | None) -> None:
        self.name = name
        self._base_path = base_path
        self._polling = polling
        self._batching = batching
        self._managed: dict[int, Managed] = {}
        # core/servable_state_monitor.h never forgets the last state of a version.
        self._states: dict[int, tuple[str, Status | None]] = {}
        self._polls = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._loads = ThreadPoolExecutor(polling.load_threads) if polling.load_threads else None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Starts polling, and returns when a version is available.

        Raises:
            Status: the newest version can't be loaded, which ends the server: model_servers/server_core.cc,
                WaitUntilModelsAvailable. If there is no folder or no version, this waits.
        """
        self._thread.start()
        with self._changed:
            self._changed.wait_for(self._has_begun)
            if not any(state == "AVAILABLE" for state, _ in self._states.values()):
                version, (_, error) = max(self._states.items())
                raise Status(
                    Code.UNKNOWN,
                    "1 servable(s) did not become available: "
                    f"{{{{{{name: {self.name} version: {version}}} due to error: {error}}}, }}",
                )

    def stop(self) -> None:
        """Stops polling."""
        self._stop.set()
        if self._batching is not None:
            self._batching.close()
        if self._thread.ident:
            self._thread.join()
        if self._loads is not None:
            self._loads.shutdown()

    def bundle(self, version: int | None) -> tuple[int, Bundle]:
        """Returns the given version, or the highest one that is ready: core/basic_manager.cc."""
        with self._changed:
            ready = {number: one.bundle for number, one in self._managed.items() if one.bundle is not None}
        number = max(ready, default=None) if version is None else version
        if number is None or number not in ready:
            requested = f"Latest({self.name})" if version is None else f"Specific({self.name}, {version})"
            raise Status(Code.NOT_FOUND, f"Servable not found for request: {requested}")
        return number, ready[number]

    def states(self) -> list[tuple[int, str, Status | None]]:
        """Returns version, state and error of each version, the highest version first."""
        with self._changed:
            return [(version, *state) for version, state in sorted(self._states.items(), reverse=True)]

    def wait_for_polls(self, count: int, seconds: float = 10.0) -> None:
        """Returns after the folder has been polled `count` more times.

        Raises:
            TimeoutError: that takes longer than `seconds`.
        """
        with self._changed:
            # The poll that is running may have listed the folder already.
            last = self._polls + count + 1
            if not self._changed.wait_for(lambda: self._polls >= last, seconds):
                raise TimeoutError(f"waited {seconds:g} s for {count} polls.")

    def _has_begun(self) -> bool:
        return any(state == "AVAILABLE" or error for state, error in self._states.values())

    def _work(self) -> None:
        while not self._stop.is_set():
            self._poll()
            with self._changed:
                self._polls += 1
                self._changed.notify_all()
            self._stop.wait(self._polling.seconds)

    def _poll(self) -> None:
        """Aspires the highest version in the folder: AspireLatestVersions in file_system_storage_path_source.cc.

        A missing folder changes nothing; an empty one unloads all versions.
        """
        try:
            found = {version_of(path.name): path for path in self._base_path.iterdir()}
        except FileNotFoundError:
            return
        versions = {version: path for version, path in found.items() if version is not None}
        latest = max(versions, default=None)
        self._aspire({} if latest is None else {latest: versions[latest]})

    def _aspire(self, aspired: dict[int, Path]) -> None:
        """core/aspired_versions_manager.cc: HandlePendingAspiredVersionsRequests to FlushServables."""
        # A version that is being unloaded can be loaded again only after that; until then, nothing changes.
        if any(version in aspired and not one.aspired for version, one in self._managed.items()):
            return
        for version, one in self._managed.items():
            one.aspired = version in aspired
        for version in aspired:
            if version not in self._managed:
                self._managed[version] = Managed()
                self._publish(version, "START")
        while self._act(aspired):
            pass
        for version in [
            v for v, one in self._managed.items() if not one.aspired and one.state in (NEW, ERROR)
        ]:
            del self._managed[version]

    def _act(self, paths: dict[int, Path]) -> bool:
        """Takes one action of core/availability_preserving_policy.cc, and returns whether there was one.

        A version is unloaded only when another one is ready, or none is aspired at all.
        """
        aspired = [one for one in self._managed.values() if one.aspired]
        obsolete = [v for v, one in self._managed.items() if not one.aspired and one.state == READY]
        serving = any(one.state == READY for one in aspired)
        if obsolete and (not aspired or serving or len(obsolete) > 1):
            self._unload(min(obsolete))
            return True
        new = [v for v, one in self._managed.items() if one.aspired and one.state == NEW]
        if new:
            self._managed[max(new)].state = LOADING
            self._publish(max(new), "LOADING")
            arguments = max(new), paths[max(new)]
            if self._loads is None:
                self._load(*arguments)
            else:
                self._loads.submit(self._load, *arguments)
        return bool(new)

    def _load(self, version: int, path: Path) -> None:
        """core/loader_harness.cc, with util/retrier.cc. A version that is no longer aspired is not tried again."""
        one = self._managed[version]
        error = None
        for attempt in range(self._polling.load_retries + 1):
            if attempt and (self._stop.wait(self._polling.retry_seconds) or not one.aspired):
                break
            try:
                bundle = Bundle(path, self._batching)
            except Status as status:
                error = status
                continue
            with self._changed:
                one.state, one.bundle = READY, bundle
            self._publish(version, "AVAILABLE")
            return
        one.state = ERROR
        self._publish(version, "END", error)

    def _unload(self, version: int) -> None:
        """Unloads a version; current requests can still use its bundle."""
        self._publish(version, "UNLOADING")
        with self._changed:
            del self._managed[version]
        self._publish(version, "END")

    def _publish(self, version: int, state: str, error: Status | None = None) -> None:
        with self._changed:
            self._states[version] = state, error
            self._changed.notify_all()


def stop_all(managers: Iterable[Manager]) -> None:
    """Stops polling for all models."""
    for manager in managers:
        manager.stop()
