"""The section on the strengths that the Tuner tried and chose."""
# ruff: noqa: RUF001 (pages contain the minus sign U+2212)

import dataclasses
import math
from typing import Any

from components.common.tuning_record import Trial
from components.report import lineage_section, run_page, tuning_section
from components.report.blocks import Section, TableBlock, TextBlock

TRIALS = (
    Trial(1, 0.25, 0.0, False, {"l1": 0.0, "dropout": 0.25}),
    Trial(2, 0.253, 0.75, True, {"l1": 3e-05, "dropout": 0.0}),
    Trial(3, math.inf, 0.0, False, {"l1": 1.0, "dropout": 0.0}),
)


def tuned(sample: Any, trials: tuple[Trial, ...]) -> Any:
    run = sample.run(trials=trials)
    tuned = {"l1": 3e-05, "dropout": 0.0}
    return dataclasses.replace(run, candidate=dataclasses.replace(run.candidate, tuned=tuned))


def section(sample: Any, trials: tuple[Trial, ...]) -> Section:
    (found,) = tuning_section.tuning(tuned(sample, trials))
    return found


def test_all_trials_and_the_choice(sample: Any) -> None:
    """The chosen trial is marked in text and colour, and the text says why it is not the one with the lowest loss."""
    assert section(sample, TRIALS).blocks == (
        TextBlock(
            "Of 3 combinations, the Tuner chose l1 3e-05, dropout 0: a validation log loss of 0.2530, and 75% of the "
            "weights exactly zero. The lowest loss is 0.2500; the difference is within its standard error and "
            "tuning.tolerance, and the chosen network is the sparsest of those for which this holds."
        ),
        TableBlock(
            "Combinations of strengths",
            ("trial", "l1", "dropout", "validation log loss", "zero weights"),
            (
                ("1", "0", "0.25", "0.2500", "0%"),
                ("2, chosen", "3e−05", "0", "0.2530", "75%"),
                ("3", "1", "0", "diverged", "0%"),
            ),
            good_rows=(1,),
        ),
    )


def test_the_lowest_loss_needs_no_reason(sample: Any) -> None:
    text = section(sample, (TRIALS[1],)).blocks[0]
    assert isinstance(text, TextBlock)
    assert text.text.endswith("exactly zero. It has the lowest loss.")


def test_a_table_of_many_trials_is_collapsed(sample: Any) -> None:
    """The line it is collapsed under contains the number of combinations."""
    many = tuple(Trial(number, 0.5, 0.0, number == 1, {"l1": 0.5}) for number in range(1, 52))
    table = section(sample, many).blocks[-1]
    assert isinstance(table, TableBlock)
    assert table.summary == "Combinations of strengths: 51 combinations"


def test_without_a_tuner_there_is_no_section(sample: Any) -> None:
    """Nor is it mentioned in the configuration. If the Tuner wrote no trials, the section states that."""
    assert list(tuning_section.tuning(sample.run())) == []
    assert "tuning" not in [section.id for section in run_page.sections(sample.run())]
    assert not any(
        isinstance(block, TextBlock) for block in lineage_section.configuration(sample.run()).blocks
    )
    assert section(sample, ()).blocks == (TextBlock("The Tuner wrote no trials.", "quiet"),)


def test_the_configuration_shows_the_chosen_strengths(sample: Any) -> None:
    """They are above the table of the configured values."""
    found = lineage_section.configuration(tuned(sample, TRIALS))
    assert found.blocks[0] == TextBlock("The Tuner chose the strengths: l1 3e-05, dropout 0.")
    assert [section.id for section in run_page.sections(tuned(sample, TRIALS))].index("tuning") == 4
