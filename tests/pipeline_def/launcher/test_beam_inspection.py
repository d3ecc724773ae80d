"""With beam_inspection, Beam finds the same parameters, states and options, and builds the same pipelines."""

from types import FunctionType, MethodType
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TypeOptions, WorkerOptions
from apache_beam.transforms import core, userstate
from apache_beam.transforms.timeutil import TimeDomain

from pipeline_def.launcher import beam_inspection


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "get_function_args_defaults", core.get_function_args_defaults)
    monkeypatch.setattr(PipelineOptions, "view_as", PipelineOptions.view_as)
    beam_inspection.install()


COUNT = beam.DoFn.StateParam(userstate.CombiningValueStateSpec("count", sum))
TIMER = beam.DoFn.TimerParam(userstate.TimerSpec("timer", TimeDomain.WATERMARK))


class Stateful(beam.DoFn):  # type: ignore[misc]
    """A DoFn with a state and a timer."""

    def process(self, element: Any, count: Any = COUNT, timer: Any = TIMER) -> Any:
        count.add(element[1])
        timer.set(0)
        yield element

    @userstate.on_timer(TIMER.timer_spec)  # type: ignore[untyped-decorator]
    def when_due(self, count: Any = COUNT) -> Any:
        yield count.read()


def test_the_parameters_of_the_methods_of_beams_own_dofns() -> None:
    """As Beam's function finds them, also when it is asked again; a caller may change the lists."""
    kinds = [Stateful, beam.DoFn, *beam.DoFn.__subclasses__()]
    functions = [item for kind in kinds for item in vars(kind).values() if isinstance(item, FunctionType)]
    assert len(functions) > 30
    for function in functions:
        method = MethodType(function, object())
        expected = beam_inspection._find_parameters(method)
        for _ in range(2):
            names, defaults = beam_inspection.parameters(method)
            assert (names, defaults) == expected, function
            names.append("changed")
            defaults.clear()


def test_what_is_no_method_is_not_kept() -> None:
    """The signature of a function that is passed to Map depends on the function."""

    def first(value: int, by: int = 2) -> int:
        return value * by

    assert beam_inspection.parameters(first) == (["value", "by"], [2])
    assert beam_inspection.parameters(lambda value, more=3: value) == (["value", "more"], [3])


@pytest.mark.usefixtures("installed")
def test_states_and_timers() -> None:
    """Those of a DoFn's methods, and none for a function."""
    for _ in range(2):
        assert userstate.get_dofn_specs(Stateful()) == ({COUNT.state_spec}, {TIMER.timer_spec})
        assert userstate.get_dofn_specs(core.CallableWrapperDoFn(str)) == (set(), set())


@pytest.mark.usefixtures("installed")
def test_views_share_their_values() -> None:
    """A value that is set in one is seen in the others; other options have their own."""
    options, other = PipelineOptions(["--runner=A", "--experiment=x"]), PipelineOptions(["--runner=B"])
    for found, expected in ((options, "A"), (other, "B"), (options.view_as(TypeOptions), "A")):
        assert found.view_as(StandardOptions).runner == expected
        assert type(found.view_as(StandardOptions)) is StandardOptions
    options.view_as(StandardOptions).runner = "C"
    assert options.view_as(WorkerOptions).view_as(StandardOptions).runner == "C"
    assert other.view_as(StandardOptions).runner == "B"
    assert "C" in options.get_all_options()["runner"]


def proto(monkeypatch: pytest.MonkeyPatch, *, kept: bool) -> Any:
    monkeypatch.undo()
    if kept:
        monkeypatch.setattr(core, "get_function_args_defaults", beam_inspection.parameters)
        monkeypatch.setattr(PipelineOptions, "view_as", beam_inspection.view_as)
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    found = pipeline | beam.Create([("a", 1), ("b", 2)]) | beam.ParDo(Stateful())
    _ = found | beam.Map(lambda pair, by=2: (pair, by)) | beam.GroupByKey() | beam.Values()
    return pipeline.to_runner_api()


def test_the_pipeline_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its transforms, coders and strategies; the pickled code of a function is not compared, as it has addresses."""
    ours, theirs = proto(monkeypatch, kept=True), proto(monkeypatch, kept=False)
    assert ours.root_transform_ids == theirs.root_transform_ids
    assert set(ours.components.transforms) == set(theirs.components.transforms)
    for name, transform in ours.components.transforms.items():
        beside = theirs.components.transforms[name]
        assert transform.spec.urn == beside.spec.urn
        assert (transform.inputs, transform.outputs) == (beside.inputs, beside.outputs)
    assert ours.components.coders == theirs.components.coders
    assert ours.components.windowing_strategies == theirs.components.windowing_strategies
    assert ours.requirements == theirs.requirements
