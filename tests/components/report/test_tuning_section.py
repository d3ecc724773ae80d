"""The section on the Tuner."""
# ruff: noqa: RUF001 (pages contain the minus sign U+2212)

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


def tuned(sample: Any, trials: list[dict[str, Any]]) -> Any:
    run = sample.run(trials=trials)
    return dataclasses.replace(
        run,
        candidate=dataclasses.replace(run.candidate, tuned={"l1": 3e-05, "learning_rate": 0.003}),
        baseline=dataclasses.replace(run.baseline, tuned={"learning_rate": 0.003}),
    )


def section(sample: Any, trials: list[dict[str, Any]]) -> Section:
    (found,) = tuning_section.tuning(tuned(sample, trials))
    return found


def test_all_trials_and_the_use_of_the_best(sample: Any) -> None:
    """Trials are in the order in which they ran; the best is marked in text and colour."""
    assert section(sample, TRIALS).blocks == (
        TextBlock(
            "Of 3 trials, trial 2 had the lowest validation log loss, 0.2500. Trial 1 used the configured values."
        ),
        TextBlock("The candidate was trained with l1 3e-05, learning rate 0.003."),
        TextBlock("The baseline was trained with learning rate 0.003."),
        TableBlock(
            "Trials of the Tuner",
            ("trial", "l1", "learning rate", "validation log loss"),
            (
                ("1", "0", "0.001", "0.5000"),
                ("2, the best", "3e−05", "0.003", "0.2500"),
                ("3", "1", "9", "diverged"),
            ),
            good_rows=(1,),
        ),
    )


def test_a_table_of_many_trials_is_collapsed(sample: Any) -> None:
    """The line it is collapsed under contains the number of trials."""
    many = [{"trial_id": f"{number:02}", "score": 0.5, "l1": 0.5} for number in range(51)]
    table = section(sample, many).blocks[-1]
    assert isinstance(table, TableBlock)
    assert table.summary == "Trials of the Tuner: 51 trials"


def test_a_baseline_without_tuned_values(sample: Any) -> None:
    """If the learning rate is not tuned, the baseline is trained as configured."""
    run = sample.run(trials=TRIALS)
    (found,) = tuning_section.tuning(run)
    assert found.blocks[2] == TextBlock("The baseline uses none of the tuned values.")


def test_without_a_tuner_there_is_no_section(sample: Any) -> None:
    """Nor is it mentioned in the configuration. If the Tuner wrote no trials, the section states that."""
    assert list(tuning_section.tuning(sample.run())) == []
    assert "tuning" not in [section.id for section in run_page.sections(sample.run())]
    assert len(lineage_section.configuration(sample.run()).blocks) == 1
    assert section(sample, []).blocks == (TextBlock("The Tuner wrote no trials.", "quiet"),)


def test_the_configuration_shows_the_tuned_values(sample: Any) -> None:
    """They are above the table of the configured values."""
    found = lineage_section.configuration(tuned(sample, TRIALS))
    assert found.blocks[0] == TextBlock(
        "The Tuner's values replaced the configured ones: l1 3e-05, learning rate 0.003."
    )
    assert [section.id for section in run_page.sections(tuned(sample, TRIALS))].index("tuning") == 2
