"""What moved in a categorical feature: texts with other shares, new texts, missing texts; and nothing by chance."""

import numpy as np

from components.common.drift_record import TableComparison
from components.common.training_statistics import TrainingStatistics
from components.drift.table_comparison import compare
from components.statistics.columns import Columns
from components.statistics.text_counts import TextCounts
from components.statistics.training_split import training_statistics

COLUMNS = Columns(("y",), "y", categorical=("color",))


def of(**counts: int) -> TrainingStatistics:
    """The statistics of a table with so many rows of each color; `missing` has none."""
    names = ["" if name == "missing" else name for name in counts]
    texts = np.repeat([name.encode() for name in names], list(counts.values())).astype(object)
    found = TextCounts()
    found.add(texts, None)
    labels = (np.arange(texts.size) % 2).astype(np.float32)
    return training_statistics(COLUMNS.summary(labels[None]), COLUMNS, [found])


def compared(before: TrainingStatistics, now: TrainingStatistics) -> TableComparison:
    return compare("served", "version 1", before, now)


def test_the_statistics() -> None:
    """The shares of the rows with a text, and the share of the others."""
    (color,) = of(red=30, blue=50, missing=20).texts
    assert (color.name, color.missing, color.rest) == ("color", 0.2, 0.0)
    assert color.shares == {"blue": 0.625, "red": 0.375}


def test_the_shares_of_texts_change() -> None:
    """L-infinity is the largest change of a share, here from 50% to 30%; both tables are described by this text."""
    found = compared(of(red=500, blue=400, green=100), of(red=300, blue=500, green=200))
    [finding] = found.findings
    assert (finding.feature, finding.kind, finding.measure) == ("color", "distribution", "l_infinity")
    assert round(finding.value, 6) == 0.2
    assert (finding.before, finding.now) == ("'red' in 50.0%", "'red' in 30.0%")
    [measured] = found.features
    assert (measured.values, measured.unseen, measured.limit) == ("categories", 0.0, 0.05)


def test_new_and_missing_texts() -> None:
    """Each has its finding; a change below the smallest one that matters has none."""
    before = of(red=500, blue=500)
    kinds = {finding.kind: finding for finding in compared(before, of(red=480, blue=480, pink=40)).findings}
    assert set(kinds) == {"unseen"}
    assert kinds["unseen"].now == "4.0% of the texts are new: 'pink'"
    kinds = {
        finding.kind: finding for finding in compared(before, of(red=450, blue=450, missing=100)).findings
    }
    assert set(kinds) == {"missing"}
    assert kinds["missing"].now == "10.0% missing"
    assert compared(before, of(red=520, blue=480)).findings == ()


def test_samples_of_one_distribution() -> None:
    """200 pairs of 500 rows with 30 texts give no finding: all checks together err in one of 1,000 pairs."""
    random = np.random.default_rng(5)
    shares = random.dirichlet(np.ones(30))
    names = [f"t{number}" for number in range(30)]

    def table() -> TrainingStatistics:
        return of(**dict(zip(names, random.multinomial(500, shares).tolist(), strict=True)))

    assert sum(len(compared(table(), table()).findings) for _ in range(200)) == 0


def test_a_table_without_the_feature() -> None:
    """Nothing is compared; so statistics that an earlier version wrote can be read."""
    old = TrainingStatistics.model_validate_json(of(red=5).model_dump_json(exclude={"texts"}))
    assert old.texts == ()
    assert compared(old, of(blue=500)).features == ()
