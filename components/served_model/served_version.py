"""Finds which model a destination serves now, and who published it: the pipeline, a person, or a rollback."""

import functools
from dataclasses import dataclass

from components.common.model_files import model_digest
from components.common.served_record import PublishedBy
from components.pusher.publication import Destination, VersionStore, version_store
from components.saved_model.card_file import Card, DamagedCard, read_card


@dataclass(frozen=True)
class ServedVersion:
    """A published version of a model.

    Attributes:
        version: its number.
        path: its folder.
        card: its model card; {} if it has none, or if the card is damaged.
        damage: why the card can't be read, in a sentence with its path; None if it can, or if there is none.
    """

    version: int
    path: str
    card: Card
    damage: str | None = None

    @functools.cached_property
    def digest(self) -> str:
        """The `model_digest` of its files, which are all read for it.

        Raises:
            OSError, tensorflow.errors.OpError: a file can't be read.
        """
        return model_digest(self.path)

    @property
    def published_by(self) -> PublishedBy:
        """Who published it: the pipeline, a person with `regpipe bless` (an override) or `regpipe rollback`.

        It is unknown without an intact card, such as that of a folder that regpipe did not publish.
        """
        if "version" not in self.card:
            return "unknown"
        # A rollback copies the card of the older version, which may have been blessed by hand.
        if self.card.get("rollback"):
            return "rollback"
        return "override" if self.card.get("override") else "pipeline"


def served_version(destination: Destination) -> ServedVersion | None:
    """Returns the version that a destination serves now; None if there is none, or if the folder does not exist.

    Raises:
        OSError, tensorflow.errors.OpError: the destination can't be read.
        ValueError: `models.config` on an object store is damaged.
    """
    store = version_store(destination)
    current = store.current()
    return None if current is None else read_version(store, current)


def read_version(store: VersionStore, version: int) -> ServedVersion:
    """Returns one version at a destination. A damaged card is described, not raised.

    Raises:
        OSError, tensorflow.errors.OpError: the version can't be read.
    """
    path = store.path(version)
    try:
        card, damage = read_card(path), None
    except DamagedCard as error:
        card, damage = {}, str(error)
    return ServedVersion(version, path, card, damage)
