"""The list methods of Kubeflow Pipelines' API server: filters, order and pages.

Sources, in backend/src/apiserver: server/list_request_util.go (sizes, the filter's JSON), filter/filter.go
(predicates), list/list.go (tokens, order), model/*.go (the keys).
"""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tests.standins.kfp_api.api_errors import invalid

DEFAULT_PAGE, MAX_PAGE = 20, 200  # list_request_util.go
# APIToModelFieldMap of each model, as far as tests use it.
KEYS = ("id", "name", "display_name", "created_at", "description", "namespace", "storage_state")

# The operations of filter.proto that are used; kfp's client sends their numbers.
_OPERATIONS = {1: "EQUALS", 2: "NOT_EQUALS", 9: "IS_SUBSTRING"}


def page(found: Sequence[dict[str, Any]], field: str, key: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Returns one page of a list.

    Args:
        found: all resources of this kind in the requested namespace.
        field: the field of the list in the response.
        key: the field of their ids.
        query: page_size, page_token, sort_by, filter.
    """
    size = int(query.get("page_size") or 0)
    if size < 0:
        raise invalid(f"The page size should be greater than 0. Got {size}")
    size = min(size or DEFAULT_PAGE, MAX_PAGE)
    criteria = {"filter": query.get("filter", ""), "sort_by": query.get("sort_by", "")}
    token: dict[str, Any] = criteria
    if query.get("page_token"):
        try:
            token = json.loads(base64.b64decode(query["page_token"], validate=True))
        except ValueError:
            raise invalid("Invalid package token") from None
        if any(criteria.values()) and criteria != {name: token[name] for name in criteria}:
            raise invalid("page token does not match the supplied sort by and/or filtering criteria")
    keys = (*KEYS, key)
    matching = [one for one in found if _matches(one, token["filter"], keys)]
    matching.sort(key=lambda one: str(one[key]))
    by, _, direction = (token["sort_by"].lower() or "created_at").partition(" ")
    if by not in keys or direction not in ("", "asc", "desc"):
        raise invalid(f"Invalid sorting field: {by!r}")
    matching.sort(key=lambda one: str(one.get(by, "")), reverse=direction == "desc")
    ids = [one[key] for one in matching]
    begin = ids.index(token["next"]) if token.get("next") in ids else 0
    shown, rest = matching[begin : begin + size], ids[begin + size :]
    # Empty fields are left out: common/utils.go, CustomMarshaler, EmitUnpopulated false.
    answer: dict[str, Any] = {field: shown} if shown else {}
    if matching:
        answer["total_size"] = len(matching)
    if rest:
        following = {**{name: token[name] for name in criteria}, "next": rest[0]}
        answer["next_page_token"] = base64.b64encode(json.dumps(following).encode()).decode()
    return answer


def _matches(resource: Mapping[str, Any], text: str, keys: Collection[str]) -> bool:
    if not text:
        return True
    # Both spellings are accepted: transformJSONForBackwardCompatibility.
    predicates = json.loads(text.replace('"stringValue":', '"string_value":')).get("predicates", [])
    for predicate in predicates:
        key, value = predicate["key"], predicate.get("string_value")
        if key not in keys:
            raise invalid(f'no support for filtering on unrecognized field "{key}"')
        # For resources without a name, `name` is the display name (model/job.go, model/experiment.go).
        actual = resource.get(key) or (resource["display_name"] if key == "name" else "")
        outcomes = {
            "EQUALS": actual == value,
            "NOT_EQUALS": actual != value,
            "IS_SUBSTRING": str(value) in str(actual),
        }
        operation = _OPERATIONS.get(predicate["operation"], predicate["operation"])
        if operation not in outcomes:
            raise invalid(f"invalid predicate operation: {operation}")
        if not outcomes[operation]:
            return False
    return True
