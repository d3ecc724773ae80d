"""The rules of TF Serving over REST, for the contract server or the binary."""

import json
from typing import Any

import pytest
import urllib3

from tests.serving.conftest import Running

NAN = float("nan")
MODEL = "/v1/models/regpipe"


def ask(server: Running, path: str, body: Any = None) -> tuple[int, Any]:
    """Returns the HTTP status and the JSON of the response. A body that is a string is sent unchanged."""
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    method = "GET" if body is None else "POST"
    response = urllib3.request(method, server.rest + path, body=text, retries=False, timeout=10)
    return response.status, json.loads(response.data)


def predict(server: Running, body: Any) -> tuple[int, Any]:
    return ask(server, f"{MODEL}:predict", body)


def test_rows(echo: Running) -> None:
    """`instances` gives `predictions`; a single output has no name."""
    rows = [{"a": 0.5, "b": NAN}, {"a": 1, "b": 2}]
    assert predict(echo, {"instances": rows}) == (200, {"predictions": [0.5, 2.0]})


def test_columns(echo: Running) -> None:
    """`inputs` gives `outputs`."""
    assert predict(echo, {"inputs": {"a": [0.5, 1], "b": [NAN, 2]}}) == (200, {"outputs": [0.5, 2.0]})


def test_a_column_too_many_is_skipped(echo: Running) -> None:
    """This holds for columns; in rows it is an error, see below."""
    assert predict(echo, {"inputs": {"a": [0.5], "b": [NAN], "c": ["x"]}}) == (200, {"outputs": [0.5]})


@pytest.mark.parametrize("token", ["NaN", "Inf", "-Inf", "Infinity", "-Infinity", "1e-3", "7"])
def test_numbers(echo: Running, token: str) -> None:
    """Tokens that are not in JSON, exponents and integers are numbers and are returned unchanged."""
    status, answer = predict(echo, f'{{"inputs": {{"a": [{token}], "b": [NaN]}}}}')
    assert (status, str(answer["outputs"])) == (200, str([float(token)]))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1 / 3, "0.333333343"), (7, "7.0"), (3e-05, "3e-05"), (9e6, "9e+06"), (NAN, "NaN")],
)
def test_how_numbers_are_written(echo: Running, value: float, text: str) -> None:
    """Six digits if they are the same float32, else nine; a whole number ends in .0."""
    body = json.dumps({"inputs": {"a": [value], "b": [NAN]}})
    response = urllib3.request("POST", f"{echo.rest}{MODEL}:predict", body=body)
    assert f"[{text}" in response.data.decode().replace("\n", "").replace(" ", "")


def test_what_follows_the_json_is_not_read(echo: Running) -> None:
    """The parser ignores text after the object."""
    assert predict(echo, '{"inputs": {"a": [1.0], "b": [2.0]}} and so on')[0] == 200


@pytest.mark.parametrize("token", ["1e400", "-1e400", "1" + "0" * 309])
def test_a_number_beyond_the_range_of_a_double(echo: Running, token: str) -> None:
    """It is an error, not infinity."""
    status, answer = predict(echo, f'{{"inputs": {{"a": [{token}], "b": [NaN]}}}}')
    assert status == 400
    assert "Number too big" in answer["error"]


def test_a_byte_order_mark_is_skipped(echo: Running) -> None:
    assert predict(echo, '\ufeff{"inputs": {"a": [1.5], "b": [NaN]}}') == (200, {"outputs": [1.5]})


def test_of_equal_keys_the_first_counts(echo: Running) -> None:
    body = '{"inputs": {"a": [1.5], "b": [NaN], "a": [2.5]}, "inputs": {}}'
    assert predict(echo, body) == (200, {"outputs": [1.5]})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Missing 'inputs' or 'instances' key"),
        ([1], "JSON Value: [1] Is not object"),
        ("", "JSON Parse error: The document is empty"),
        ({"instances": []}, """JSON Value: {"instances": []} No values in 'instances' array"""),
        ({"instances": 1}, """JSON Value: {"instances": 1} Expecting 'instances' to be an list/array"""),
        (
            {"instances": [1.0, 2.0]},
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map",
        ),
        (
            {"inputs": [1.0]},
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map",
        ),
        ({"inputs": {"a": [1.0]}}, "Missing named input: b in 'inputs' object."),
        (
            {"instances": [{"a": 1.0, "b": 2.0}, {"a": 1.0}]},
            "Failed to process element: 1 of 'instances' list. JSON object: {\"a\": 1.0} keys must be equal to: a,b",
        ),
        (
            {"instances": [{"a": 1.0, "b": 2.0, "c": 3.0}]},
            "Failed to process element: 0 key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON object: "
            "does not have named input: c",
        ),
        (
            {"instances": [{"a": 1.0, "b": 2.0}, [1.0, 2.0]]},
            "Expecting object but got list at item 1 of input list",
        ),
        (
            {"instances": [{"a": 1.0, "b": 2.0}, {"a": [1.0], "b": 2.0}]},
            "Failed to process element: 1 key: a of 'instances' list. Error: INVALID_ARGUMENT: "
            "Expecting shape [] but got: [1]",
        ),
        (
            {"instances": [{"a": 1.0, "b": 2.0}, {"a": [1.0, 2.0], "b": 2.0}]},
            "Failed to process element: 1 key: a of 'instances' list. Error: INVALID_ARGUMENT: "
            "Expecting tensor size: 1 but got: 2",
        ),
        (
            {"inputs": {"a": ["x"], "b": [1.0]}},
            'JSON Value: "x" Type: String is not of expected type: float',
        ),
        ({"inputs": {"a": [None], "b": [1.0]}}, "JSON Value: null Type: Null is not of expected type: float"),
        ({"inputs": {"a": [True], "b": [1.0]}}, "JSON Value: true Type: True is not of expected type: float"),
        (
            {"inputs": {"a": [[1.0, 2.0], [1.0]], "b": [1.0]}},
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        (
            {"inputs": {"a": [1.0, [1.0]], "b": [1.0]}},
            "Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            {"inputs": {"a": [[1.0], 1.0], "b": [1.0]}},
            "JSON Value: 1.0 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        (
            {"inputs": {"a": [1.0], "b": [1.0]}, "signature_name": "none"},
            'Serving signature name: "none" not found in signature def',
        ),
    ],
)
def test_what_is_refused(echo: Running, body: Any, words: str) -> None:
    """The response is 400 and {"error": message}."""
    status, answer = predict(echo, body)
    assert status == 400
    assert list(answer) == ["error"]
    assert " ".join(answer["error"].split()).replace("{ ", "{").replace(" }", "}") == words


def test_both_formats_at_once(echo: Running) -> None:
    """One signature is expected."""
    status, answer = predict(echo, {"inputs": {}, "instances": []})
    assert status == 400
    assert "expecting only one of 'inputs' or 'instances' keys to exist" in answer["error"]


@pytest.mark.parametrize("body", ["{", '{"inputs": nan}', '{"inputs": {"a": [1,]}}', "nonsense"])
def test_what_is_no_json(echo: Running, body: str) -> None:
    """The response is 400, with the position of the error."""
    status, answer = predict(echo, body)
    assert status == 400
    assert answer["error"].startswith("JSON Parse error: ")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1.0, 2.0], "b": [1.0]}, "Shapes of all inputs must match"),
        ({"a": 1.0, "b": 1.0}, "axis = 1 not in [-1, 1)"),
    ],
)
def test_shapes_are_for_the_model_to_refuse(echo: Running, columns: Any, words: str) -> None:
    """The server does not check shapes; it returns TensorFlow's message with 400."""
    status, answer = predict(echo, {"inputs": columns})
    assert status == 400
    assert words in answer["error"]


def test_several_outputs(echo: Running) -> None:
    """Several outputs have names; text whose name ends in _bytes is base64."""
    body: Any = {"signature_name": "two", "inputs": {"a": [1.5]}}
    assert predict(echo, body) == (200, {"outputs": {"same": [1.5], "words_bytes": [{"b64": "MS41"}]}})
    body = {"signature_name": "two", "instances": [1.5, 2]}
    rows = [{"same": 1.5, "words_bytes": {"b64": "MS41"}}, {"same": 2.0, "words_bytes": {"b64": "Mi4w"}}]
    assert predict(echo, body) == (200, {"predictions": rows})


def test_text(echo: Running) -> None:
    """Text is sent unchanged or as base64, whose padding may be absent."""
    body = {"signature_name": "text", "instances": ["é", "Inf", {"b64": "eA=="}, {"b64": "eA"}]}
    assert predict(echo, body) == (200, {"predictions": ["é", "Inf", "x", "x"]})


def test_classify(echo: Running) -> None:
    """The response has label and score of each class; an absent feature has its default; the context applies to all."""
    path = f"{MODEL}:classify"
    body: Any = {"signature_name": "classify", "examples": [{"a": 0.25}, {}]}
    assert ask(echo, path, body) == (
        200,
        {"results": [[["0", 0.75], ["1", 0.25]], [["0", 2.0], ["1", -1.0]]]},
    )
    body = {"signature_name": "classify", "context": {"a": 0.5}, "examples": [{"more": 1}, {"a": 0.25}]}
    assert ask(echo, path, body) == (200, {"results": [[["0", 0.5], ["1", 0.5]], [["0", 0.75], ["1", 0.25]]]})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"examples": [{"a": 0.5}]}, "Expected one input Tensor."),
        ({"signature_name": "none", "examples": [{}]}, "No signature was found with the name: none"),
        (
            {"signature_name": "classify"},
            "When method is classify, key 'examples' is expected and was not found",
        ),
        ({"signature_name": "classify", "examples": []}, "'examples' value is an empty array"),
        ({"signature_name": "classify", "examples": [1]}, "Example must be JSON object but got JSON Number"),
        (
            {"signature_name": "classify", "examples": [{"a": None}]},
            "has element with unexpected JSON type: Null",
        ),
        (
            {"signature_name": "classify", "examples": [{"a": [1.5, "x"]}]},
            "Unexpected element type in feature: a",
        ),
        (
            {"signature_name": "classify", "examples": [{"a": 1}]},
            "a",
        ),  # an integer is no float: TensorFlow's words
    ],
)
def test_what_classify_refuses(echo: Running, body: Any, words: str) -> None:
    """The response is 400."""
    status, answer = ask(echo, f"{MODEL}:classify", body)
    assert status == 400
    assert words in answer["error"]


def test_status(echo: Running) -> None:
    """The version is a string, as JSON has no 64-bit integers; zeros and empty values are included."""
    one = {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert ask(echo, MODEL) == (200, {"model_version_status": [one]})
    assert ask(echo, f"{MODEL}/versions/3") == (200, {"model_version_status": [one]})


def test_metadata(echo: Running) -> None:
    """The signatures are in signature_def.signature_def; unknown dimensions are -1."""
    status, answer = ask(echo, f"{MODEL}/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "regpipe", "signature_name": "", "version": "3"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert signature["inputs"]["a"] == {
        "dtype": "DT_FLOAT",
        "tensor_shape": shape,
        "name": "serving_default_a:0",
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/v1/models/none", None, 404, "Could not find any versions of model none"),
        (f"{MODEL}/versions/4", None, 404, "Could not find version 4 of model regpipe"),
        (f"{MODEL}/versions/4/metadata", None, 404, "Servable not found for request: Specific(regpipe, 4)"),
        ("/v1/models/none:predict", {"inputs": {}}, 404, "Servable not found for request: Latest(none)"),
        (
            f"{MODEL}/labels/stable:predict",
            {"inputs": {}},
            400,
            "Unrecognized servable version label: stable",
        ),
        ("/v1/models", None, 400, "Missing model name in request."),
        (f"{MODEL}:guess", {"inputs": {}}, 400, f"Malformed request: POST {MODEL}:guess"),
        (f"{MODEL}:PREDICT", {"inputs": {}}, 400, f"Malformed request: POST {MODEL}:PREDICT"),
        (f"{MODEL}:predict", None, 400, f"Malformed request: GET {MODEL}:predict"),
        (f"{MODEL}?x=1", None, 404, "Could not find any versions of model regpipe?x=1"),
        (f"{MODEL}/metadata?x=1", None, 400, f"Malformed request: GET {MODEL}/metadata?x=1"),
        (f"{MODEL}:predict?x=1", {"inputs": {}}, 400, f"Malformed request: POST {MODEL}:predict?x=1"),
    ],
)
def test_paths(echo: Running, path: str, body: Any, status: int, words: str) -> None:
    """Invalid paths and their error messages. Methods are case-sensitive, and a query is part of the path."""
    assert ask(echo, path, body) == (status, {"error": words})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(echo: Running, method: str) -> None:
    """They are 400, not 405."""
    response = urllib3.request(method, f"{echo.rest}{MODEL}", retries=False)
    assert (response.status, response.json()) == (400, {"error": f"Malformed request: {method} {MODEL}"})


@pytest.mark.parametrize("version", [2**63, 10**30])
def test_a_version_that_is_no_64_bit_integer(echo: Running, version: int) -> None:
    """The response is 400 without a message."""
    for method, path in (("GET", ""), ("GET", "/metadata"), ("POST", ":predict")):
        url = f"{echo.rest}{MODEL}/versions/{version}{path}"
        response = urllib3.request(method, url, body=b"{}" if method == "POST" else None, retries=False)
        assert (response.status, response.data) == (400, b"")


def test_other_paths(echo: Running) -> None:
    """Outside /v1/, TF Serving's HTTP library responds, and not in JSON."""
    response = urllib3.request("GET", f"{echo.rest}/", retries=False)
    assert response.status == 404
    assert response.data.startswith(b"<")
