"""The section on the Tuner's trials."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

import dataclasses
import math
from typing import Any

from components.report import lineage_section, run_page, tuning_section
from components.report.blocks import Section, TableBlock, TextBlock

TRIALS = [
    {"trial_id": "1", "score": 0.25, "l1": 3e-05, "learning_rate": 0.003},
    {"trial_id": "0", "score": 0.5, "l1": 0.0, "learning_rate": 0.001},
    {"trial_id": "2", "score": math.inf, "l1": 1.0, "learning_rate": 9.0},
]


def tuned(made: Any, trials: list[dict[str, Any]]) -> Any:
    run = made.run(trials=trials)
    return dataclasses.replace(
        run,
        candidate=dataclasses.replace(run.candidate, tuned={"l1": 3e-05, "learning_rate": 0.003}),
        baseline=dataclasses.replace(run.baseline, tuned={"learning_rate": 0.003}),
    )


def section(made: Any, trials: list[dict[str, Any]]) -> Section:
    (found,) = tuning_section.tuning(tuned(made, trials))
    return found


def test_the_trials_and_what_was_made_of_the_best(made: Any) -> None:
    """In the order in which they were run, the best marked by a word and a colour; who was trained with what."""
    assert section(made, TRIALS).blocks == (
        TextBlock(
            "Of 3 trials, number 2 had the lowest validation log loss, 0.2500; number 1 had the configured values."
        ),
        TextBlock("The candidate was trained with l1 3e-05, learning rate 0.003."),
        TextBlock("The baseline was trained with learning rate 0.003."),
        TableBlock(
            "The Tuner's trials",
            ("trial", "l1", "learning rate", "validation log loss"),
            (
                ("1", "0", "0.001", "0.5000"),
                ("2, the best", "3e−05", "0.003", "0.2500"),
                ("3", "1", "9", "not a number"),
            ),
            good_rows=(1,),
        ),
    )


def test_many_trials_are_folded_away(made: Any) -> None:
    """Behind a sentence that says how many there are."""
    many = [{"trial_id": f"{number:02}", "score": 0.5, "l1": 0.5} for number in range(51)]
    table = section(made, many).blocks[-1]
    assert isinstance(table, TableBlock)
    assert table.summary == "The Tuner's trials: 51 trials"


def test_a_baseline_that_took_nothing(made: Any) -> None:
    """Where the learning rate was not tuned, the baseline is as configured."""
    run = made.run(trials=TRIALS)
    (found,) = tuning_section.tuning(run)
    assert found.blocks[2] == TextBlock("The baseline took none of its values.")


def test_without_a_tuner_there_is_no_section(made: Any) -> None:
    """Nor a word in the configuration; with one that left nothing, the section says so."""
    assert list(tuning_section.tuning(made.run())) == []
    assert "tuning" not in [section.id for section in run_page.sections(made.run())]
    assert len(lineage_section.configuration(made.run()).blocks) == 1
    assert section(made, []).blocks == (TextBlock("The Tuner left no account of its trials.", "quiet"),)


def test_the_configuration_names_what_was_used_instead(made: Any) -> None:
    """Above the keys as they were configured."""
    found = lineage_section.configuration(tuned(made, TRIALS))
    assert found.blocks[0] == TextBlock(
        "The Tuner's values took the place of the configured ones: l1 3e-05, learning rate 0.003."
    )
    assert [section.id for section in run_page.sections(tuned(made, TRIALS))].index("tuning") == 2
