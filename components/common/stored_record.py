"""The base class of the records that are stored as JSON files for other steps and programs."""

import math
import os
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator

from components.common import storage


def finite_or_none(value: Any) -> Any:
    """Returns None in place of NaN and infinity, which JSON does not have; any other value as it is.

    >>> finite_or_none(0.5), finite_or_none(float("nan")), finite_or_none("NaN")
    (0.5, None, 'NaN')
    """
    return None if isinstance(value, float) and not math.isfinite(value) else value


class StoredRecord(BaseModel):
    """A frozen record in a JSON file. Unknown keys are ignored: a later version of regpipe may add some.

    A subclass has a field `format_version`, whose type is a Literal of the versions that can be read and whose default
    is the version of new files. A file without this key has version 1.

    Attributes:
        file_name: the name of the file in its folder, which is that of an artifact or of a run.
        description: what the file contains, for error messages: "an ingest record".
    """

    model_config = ConfigDict(frozen=True)
    file_name: ClassVar[str]
    description: ClassVar[str]

    def write(self, folder: str) -> None:
        """Writes the record into a folder."""
        storage.write(os.path.join(folder, self.file_name), f"{self.to_json()}\n".encode())

    def to_json(self) -> str:
        """Returns the record as indented JSON, without a newline at the end."""
        return self.model_dump_json(indent=2)

    @classmethod
    def read(cls, folder: str) -> Self:
        """Reads the record from a folder.

        Raises:
            FileNotFoundError: the folder has no such file.
            ValueError: the file is damaged, or its format version is unknown.
        """
        path = os.path.join(folder, cls.file_name)
        try:
            return cls.model_validate_json(storage.read(path), extra="ignore")
        except ValidationError as error:
            raise ValueError(f"{path}: {cls._problem(error)}") from error

    @model_validator(mode="before")
    @classmethod
    def _first_version(cls, content: Any, info: ValidationInfo) -> Any:
        return (
            {"format_version": 1} | content if info.mode == "json" and isinstance(content, dict) else content
        )

    @classmethod
    def _problem(cls, error: ValidationError) -> str:
        first: Any = error.errors(include_url=False)[0]
        if first["loc"] == ("format_version",):
            known = " or ".join(map(str, get_args(cls.model_fields["format_version"].annotation)))
            return f"expected {cls.description} of format version {known}, found {first['input']!r}."
        where = f" at {'.'.join(map(str, first['loc']))}" if first["loc"] else ""
        return f"expected {cls.description}, found a damaged file{where}: {first['msg']}."
