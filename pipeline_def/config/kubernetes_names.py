"""The names that Kubernetes allows, for the keys that become such names.

Source: k8s.io/apimachinery, pkg/util/validation/validation.go. The patterns are for a whole text. The dictionaries are
keyword arguments of `key`.
"""

from typing import Any

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
# IsDNS1123Subdomain, without its limit of 253 characters.
SUBDOMAIN_PATTERN = rf"{_LABEL}(\.{_LABEL})*"
# IsConfigMapKey, without its limit of 253 characters.
SECRET_KEY_PATTERN = r"\.?[A-Za-z0-9_-][A-Za-z0-9._-]*"
_NAME_PART = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
# IsQualifiedName: the key of a label or of a taint.
QUALIFIED_PATTERN = rf"({SUBDOMAIN_PATTERN}/)?{_NAME_PART}"
# IsValidLabelValue: the value of a label or of a taint.
VALUE_PATTERN = rf"({_NAME_PART})?"

_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
# Of an image, with or without the address of a registry, a tag and a digest. Source: github.com/distribution/reference,
# reference.go, "Grammar".
IMAGE: dict[str, Any] = {
    "expects": "the name of an image, such as registry.example/regpipe:1, or with its digest "
    "registry.example/regpipe:1@sha256:... (64 digits and letters a to f)",
    "pattern": r"^((?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?"
    rf"{_PATH_PART}(/{_PATH_PART})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?$",
}
# Of a namespace, or of a volume: IsDNS1123Label.
LABEL: dict[str, Any] = {
    "expects": "lower-case letters, digits and hyphens (at most 63)",
    "pattern": rf"^{_LABEL}$",
    "max_length": 63,
}
# Of a secret or a service account: IsDNS1123Subdomain.
NAME: dict[str, Any] = {
    "expects": "lower-case letters, digits, hyphens and dots (at most 253)",
    "pattern": rf"^{SUBDOMAIN_PATTERN}$",
    "max_length": 253,
}
# Of a key in a secret.
SECRET_KEY: dict[str, Any] = {
    "expects": "letters, digits, hyphens, underscores and dots (at most 253), not '.' or two dots first",
    "pattern": rf"^{SECRET_KEY_PATTERN}$",
    "max_length": 253,
}
